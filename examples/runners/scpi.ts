/**
 * A runner to copy: drives an instrument that speaks lines over TCP, as SCPI instruments do.
 *
 *     node examples/runners/instrument.ts 5025 &
 *     npx benchplane agent --worker agent-psu --bench psu-01 --runner ./examples/runners/scpi.ts
 *
 * A task's `run`, as in examples/scpi.yaml:
 *
 *     run:
 *       host: 127.0.0.1
 *       port: 5025
 *       steps:
 *         - send: VOLT 5.0
 *         - send: VOLT?                                  # what ends in ? is answered
 *           expect: "5.000"                              # word for word
 *         - { send: "MEAS:VOLT?", expect: { min: 4.9, max: 5.1 }, timeoutMs: 2000 }
 *
 * Passed when every step was answered as expected. An answer that is another fails the task; an instrument that can not be
 * reached, goes away or does not answer in time is the bench's fault. The result has every answer.
 */
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Outcome, Runner, RunnerOptions } from '../../adapters/agent/runner.ts'

interface Step {
  send: string
  expect?: string | { min?: number; max?: number }
  /** For its answer; default 5 000. */
  timeoutMs?: number
}

interface Run {
  host: string
  port: number
  steps: readonly Step[]
}

interface Answer {
  send: string
  answer: string
}

const stepCountMax = 1_000
const answerLengthMax = 64 * 1024
const timeoutMsDefault = 5_000
const timeoutMsMax = 3_600_000

/** `--runner-option timeoutMs=20000` sets another default for answers. */
const scpi = ({ options }: Pick<RunnerOptions, 'options'>): Runner => {
  const defaultMs = Number(options['timeoutMs'] ?? timeoutMsDefault)
  if (!isTimeout(defaultMs)) throw new Error(`timeoutMs is a number from 1 to ${timeoutMsMax}`)
  return {
    start: ({ run, logPath }) => {
      const stopping = new AbortController()
      const log = (line: string): void => appendFileSync(logPath, `${line}\n`)
      return {
        ended: carryOut(run, defaultMs, log, stopping.signal),
        // The instrument is asked nothing more: letting go of it needs no grace.
        stop: () => stopping.abort(new Error('it was stopped')),
      }
    },
  }
}

export default scpi

type Log = (line: string) => void

const carryOut = async (given: unknown, defaultMs: number, log: Log, stopping: AbortSignal): Promise<Outcome> => {
  const run = runOf(given)
  if (typeof run === 'string') return { kind: 'errored', reason: run }
  const answers: Answer[] = []
  let instrument: Instrument | undefined
  try {
    log(`connecting to ${run.host}:${run.port}`)
    instrument = await opened(run, defaultMs, stopping)
    for (const [index, step] of run.steps.entries()) {
      const wrong = await carryOutStep(instrument, step, defaultMs, { answers, log })
      if (wrong === undefined) continue
      log(wrong)
      return { kind: 'failed', reason: `step ${index + 1}: ${wrong}`, result: { answers } }
    }
    return { kind: 'passed', result: { answers } }
  } catch (error) {
    const reason = `${run.host}:${run.port}: ${(error as Error).message}`
    log(reason)
    return { kind: 'errored', reason, result: { answers } }
  } finally {
    instrument?.close()
  }
}

/** What is wrong with its answer; undefined when nothing is. */
const carryOutStep = async (
  instrument: Instrument,
  { send, expect, timeoutMs = 0 }: Step,
  defaultMs: number,
  { answers, log }: { answers: Answer[]; log: Log },
): Promise<string | undefined> => {
  log(`→ ${send}`)
  const isAnswered = send.trimEnd().endsWith('?') || expect !== undefined
  const answer = await instrument.say(send, isAnswered, timeoutMs || defaultMs)
  if (answer === undefined) return undefined
  log(`← ${answer}`)
  answers.push({ send, answer })
  return wrongWith(answer, expect) && `${send} was answered ${JSON.stringify(answer)}, ${wrongWith(answer, expect)}`
}

const wrongWith = (answer: string, expect: Step['expect']): string | undefined => {
  if (expect === undefined || expect === answer) return undefined
  if (typeof expect === 'string') return `not ${JSON.stringify(expect)}`
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = expect
  const value = answer.trim() === '' ? Number.NaN : Number(answer)
  return value >= min && value <= max ? undefined : `not a number from ${min} to ${max}`
}

interface Instrument {
  /** Sends a line; its answer is the next line that comes. Throws when the instrument is gone, late, or when it is stopped. */
  say(line: string, isAnswered: boolean, timeoutMs: number): Promise<string | undefined>
  close(): void
}

const opened = async ({ host, port }: Run, timeoutMs: number, stopping: AbortSignal): Promise<Instrument> => {
  const socket = connect({ host, port, noDelay: true })
  const late = AbortSignal.timeout(timeoutMs)
  try {
    await once(socket, 'connect', { signal: AbortSignal.any([stopping, late]) })
  } catch (error) {
    socket.destroy()
    stopping.throwIfAborted()
    throw late.aborted ? new Error(`no connection within ${timeoutMs} ms`, { cause: error }) : error
  }
  return instrumentOf(socket, stopping)
}

const instrumentOf = (socket: Socket, stopping: AbortSignal): Instrument => {
  const gone = new AbortController()
  socket.on('error', (error) => gone.abort(error))
  socket.on('close', () => gone.abort(new Error('the instrument closed the connection')))
  const lines = linesOf(socket, gone)
  return {
    say: async (line, isAnswered, timeoutMs) => {
      AbortSignal.any([stopping, gone.signal]).throwIfAborted()
      socket.write(`${line}\n`)
      if (!isAnswered) return undefined
      const late = AbortSignal.timeout(timeoutMs)
      return lines.next(AbortSignal.any([stopping, gone.signal, late])).catch((error: unknown) => {
        throw late.aborted ? new Error(`${line}: no answer within ${timeoutMs} ms`, { cause: error }) : error
      })
    },
    close: () => socket.destroy(),
  }
}

/** The lines that come, in order, each given to who asks for it. */
const linesOf = (socket: Socket, gone: AbortController) => {
  const here: string[] = []
  let arrived = Promise.withResolvers<void>()
  let unfinishedLength = 0
  socket.on('data', (bytes) => {
    const at = bytes.lastIndexOf(10)
    unfinishedLength = at === -1 ? unfinishedLength + bytes.length : bytes.length - at
    if (unfinishedLength > answerLengthMax) gone.abort(new Error(`an answer is longer than ${answerLengthMax} bytes`))
  })
  createInterface({ input: socket }).on('line', (line) => {
    if (here.push(line) > stepCountMax) gone.abort(new Error('the instrument says more than it was asked'))
    arrived.resolve()
    arrived = Promise.withResolvers()
  })
  const next = async (signal: AbortSignal): Promise<string> => {
    const aborted = Promise.withResolvers<never>()
    const onAbort = (): void => aborted.reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      for (;;) {
        const line = here.shift()
        if (line !== undefined) return line
        signal.throwIfAborted()
        await Promise.race([arrived.promise, aborted.promise])
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
  return { next }
}

const isTimeout = (value: unknown): boolean => typeof value === 'number' && value >= 1 && value <= timeoutMsMax
const isNumber = (value: unknown): boolean => value === undefined || Number.isFinite(value)

/** The run, or what is wrong with it. */
const runOf = (given: unknown): Run | string => {
  const { host, port, steps } = (given ?? {}) as Partial<Record<string, unknown>>
  if (typeof host !== 'string' || host === '') return 'run.host is no name or address'
  if (!Number.isInteger(port) || Number(port) < 1 || Number(port) > 65_535) return 'run.port is no port'
  if (!Array.isArray(steps) || steps.length === 0 || steps.length > stepCountMax)
    return `run.steps is no list of 1 to ${stepCountMax} steps`
  for (const [index, step] of steps.entries()) {
    const fault = faultOf(step)
    if (fault !== undefined) return `run.steps[${index}]${fault}`
  }
  return { host, port: Number(port), steps: steps as Step[] }
}

const faultOf = (step: unknown): string | undefined => {
  if (typeof step !== 'object' || step === null) return ' is not {send, expect?, timeoutMs?}'
  const { send, expect, timeoutMs, ...rest } = step as Record<string, unknown>
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) return ` has no ${unknown}: it is {send, expect?, timeoutMs?}`
  if (typeof send !== 'string' || send === '' || /[\r\n]/.test(send)) return '.send is not one line of text'
  if (timeoutMs !== undefined && !isTimeout(timeoutMs)) return `.timeoutMs is no number from 1 to ${timeoutMsMax}`
  if (expect === undefined || typeof expect === 'string') return undefined
  const { min, max, ...others } = (expect ?? {}) as Record<string, unknown>
  const isRange = isNumber(min) && isNumber(max) && Object.keys(others).length === 0
  return isRange && (min ?? max) !== undefined ? undefined : '.expect is neither a text nor {min?, max?}'
}

/** The function behind the step of benchRun.asl.yaml: submits an execution that answers the step when it has finished. */
import { createHash } from 'node:crypto'

interface Step {
  taskToken: string
  /** The body of POST /v1/executions. */
  execution: object
}

const attemptCountMax = 4

/** What it returns is dropped: the step ends when the execution does. What it throws fails the step by the refusal's code. */
export const handler = async ({ taskToken, execution }: Step): Promise<{ executionId: string }> => {
  // One execution for one token, however often it is sent.
  const key = createHash('sha256').update(taskToken).digest('hex')
  const request = submission({ ...execution, callback: { taskToken } }, key)
  for (let attempt = 1; ; attempt++) {
    const response = await request().catch((error: unknown) => {
      if (attempt === attemptCountMax) throw error
    })
    if (response?.ok === true) return (await response.json()) as { executionId: string }
    if (response !== undefined && (response.status < 500 || attempt === attemptCountMax)) throw await refusal(response)
    await new Promise((resolve) => {
      setTimeout(resolve, Math.random() * 500 * 2 ** attempt)
    })
  }
}

const submission = (body: object, key: string) => (): Promise<Response> => {
  const { BENCHPLANE_URL: url, BENCHPLANE_TOKEN: token } = process.env
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': key,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  const given = { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) }
  return fetch(new URL('/v1/executions', url), given)
}

/** `code` and `detail` of the problem that was answered: a Retry or Catch of the machine can name the code. */
const refusal = async (response: Response): Promise<Error> => {
  const text = await response.text()
  try {
    const { code, detail } = JSON.parse(text) as { code: string; detail: string }
    return Object.assign(new Error(detail), { name: code })
  } catch {
    return new Error(`answered ${response.status}: ${text.slice(0, 1_000)}`)
  }
}

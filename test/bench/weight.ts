/** What the server weighs after a million commands, and how soon the command line answers. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'
import { inTemporaryDirectory, median, printRows, type Row, whole } from './measure.ts'
import { startMeasured } from './server.ts'

const commandCount = 1_000_000
const entry = new URL('../../infra/benchplane.ts', import.meta.url).pathname

const megabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1_024

const help = median(
  Array.from({ length: 9 }, () => {
    const start = performance.now()
    execFileSync(process.execPath, [entry, '--help'])
    return performance.now() - start
  }),
)

const rows = await inTemporaryDirectory(async (directory): Promise<readonly Row[]> => {
  const server = await startMeasured(directory)
  let n = 0
  const result = await autocannon({
    url: server.url,
    connections: 32,
    amount: commandCount,
    headers: { 'content-type': 'application/json' },
    requests: [
      {
        setupRequest: (request) => ({
          ...request,
          method: 'PUT',
          path: `/v1/messages/m${++n}`,
          body: JSON.stringify({ n }),
        }),
      },
    ],
  })
  const rss = megabytes(server.pid)
  await server.stop()
  return [
    {
      what: `server after ${whole(result['2xx'])} commands over HTTP`,
      target: 'RSS < 250 MB',
      measured: `${whole(rss)} MB`,
      met: rss < 250 && result['2xx'] === commandCount,
    },
    { what: 'benchplane --help', target: '< 150 ms', measured: `${whole(help)} ms`, met: help < 150 },
  ]
})
printRows(rows)
process.exit(0)

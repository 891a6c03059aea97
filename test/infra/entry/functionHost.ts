/** A process for one function, as Lambda has it: loads a bundle, answers one event at a time. */
import { pathToFileURL } from 'node:url'

interface Asked {
  id: number
  event: unknown
}

const [bundle = ''] = process.argv.slice(2)
const { handler } = (await import(pathToFileURL(bundle).href)) as { handler: (event: unknown) => Promise<unknown> }

process.on('message', ({ id, event }: Asked) => {
  handler(event).then(
    (answer) => process.send?.({ id, answer }),
    (error: unknown) => {
      const { name, message } = error instanceof Error ? error : new Error(String(error))
      process.send?.({ id, error: { name, message } })
    },
  )
})
process.on('disconnect', () => process.exit(0))
process.send?.({ id: 0 })

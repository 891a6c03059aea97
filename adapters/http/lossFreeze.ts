import type { House } from './house.ts'
import { json, type Reply } from './replies.ts'

export const getLossFreeze =
  ({ lossFreeze }: House) =>
  async (): Promise<Reply> =>
    json(await lossFreeze.status())

/** By an operator, who knows that the silent workers are lost indeed. */
export const liftLossFreeze =
  ({ lossFreeze }: House) =>
  async (): Promise<Reply> =>
    json(await lossFreeze.lift())

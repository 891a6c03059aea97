import type { Reaction } from '../projections/react.ts'

const laneCountMax = 8

/** Several lanes at once, each in its order: who competes for the same thing comes one after the other. */
export const sendInLanes = async (
  reactions: readonly Reaction[],
  send: (reaction: Reaction) => Promise<void>,
): Promise<void> => {
  const lanes = [...Map.groupBy(reactions, ({ lane }) => lane).values()].values()
  const walk = async (): Promise<void> => {
    for (const lane of lanes) for (const reaction of lane) await send(reaction)
  }
  await Promise.all(Array.from({ length: Math.min(laneCountMax, reactions.length) }, walk))
}

import { z } from 'zod'

/** Largest content of a message: bytes of its canonical JSON. */
export const contentBytesMax = 204_800

/** By anybody: accept once. `sha256` is the content's canonical hash, taken at the edge: what tells the same from another. */
export const AcceptMessage = z.strictObject({ content: z.unknown(), sha256: z.string().length(64) })

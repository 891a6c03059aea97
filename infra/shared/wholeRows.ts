import { fault } from '../../domain/faults.ts'

/** A set of rows. Not whole: all of history is not in it yet, and what is missing there may well have happened. */
export interface Rows<Views> {
  views: Views
  isWhole: boolean
}

/** For who concludes anything from what is not there. Throws the fault `storage-unusable` while that proves nothing. */
export const wholeOf = <Views>({ views, isWhole }: Rows<Views>): Views => {
  if (!isWhole) throw fault('storage-unusable', 'the views are being built from history: try again')
  return views
}

/** Uploads that are announced without their bytes: `Upload-Length` says how many there are, and `Repr-Digest` which. */
import type { InputFault } from '../routes/faults.ts'
import { digestOf } from './digests.ts'

type HeaderOf = (name: string) => string | undefined

export interface Offered {
  bytes: number
  /** Lower-case hex. */
  sha256: string
}

const name = 'Upload-Length'
const lengthPattern = /^\d{1,15}$/

/** Of nothing there is nothing to bring: that is an upload like any other. */
export const offeredBy = (header: HeaderOf): Offered | undefined => {
  const bytes = Number(header('upload-length') ?? 0)
  const sha256 = digestOf(header)?.sha256
  return bytes === 0 || sha256 === undefined ? undefined : { bytes, sha256 }
}

export const offerFault = (header: HeaderOf): InputFault | undefined => {
  const length = header('upload-length')
  if (length === undefined) return undefined
  if (!lengthPattern.test(length)) return { path: name, message: 'a number of bytes' }
  const hasBody = header('transfer-encoding') !== undefined || (header('content-length') ?? '0') !== '0'
  if (hasBody) return { path: name, message: 'only without a body: the answer says where the bytes go' }
  return digestOf(header) === undefined
    ? { path: 'Repr-Digest', message: 'must say which bytes are to come' }
    : undefined
}

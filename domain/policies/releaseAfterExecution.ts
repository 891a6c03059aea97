import type { Policy } from './policy.ts'

/** An execution that was submitted with releaseReservation gives its benches back when it finishes. */
export const releaseAfterExecution: Policy = {
  name: 'releaseAfterExecution',
  on: ['ExecutionFinished'],
  then: (event) => {
    const { releaseReservation, reservationId } = event.data as { releaseReservation: boolean; reservationId: string }
    return releaseReservation ? [{ kind: 'reservation', id: reservationId, type: 'ReleaseReservation', data: {} }] : []
  },
}

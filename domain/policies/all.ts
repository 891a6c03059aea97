import { activateAfterVacancy } from './activateAfterVacancy.ts'
import { endExecutionsOfOver } from './endExecutionsOfOver.ts'
import { evictFromRetired } from './evictFromRetired.ts'
import { extendGraceOfEnding } from './extendGraceOfEnding.ts'
import { followReservation } from './followReservation.ts'
import { loseAttemptsOfSession } from './loseAttemptsOfSession.ts'
import { loseBenchesOfExpired } from './loseBenchesOfExpired.ts'
import type { Policy } from './policy.ts'
import { pullForwardAskedFor } from './pullForwardAskedFor.ts'
import { pullForwardQueued } from './pullForwardQueued.ts'
import { quarantineFailing } from './quarantineFailing.ts'
import { releaseAfterExecution } from './releaseAfterExecution.ts'

/** In the order in which they react to one event. */
export const policies: readonly Policy[] = [
  loseBenchesOfExpired,
  loseAttemptsOfSession,
  quarantineFailing,
  extendGraceOfEnding,
  followReservation,
  activateAfterVacancy,
  evictFromRetired,
  endExecutionsOfOver,
  releaseAfterExecution,
  pullForwardQueued,
  pullForwardAskedFor,
]

import type { ValueOf } from '../client/operations.ts'
import { type Context, pairs, print } from './context.ts'
import { plain } from './plain.ts'
import { facts } from './show.ts'
import { shownInstant } from './times.ts'

export type Worker = ValueOf<'getWorker'>

const stateOf = ({ isSilent, isDraining }: Worker): string =>
  [isSilent === true ? 'silent' : '', isDraining === true ? 'draining' : ''].filter((word) => word !== '').join(', ')

export const showWorker = (context: Context, worker: Worker): void =>
  print(context, worker, () =>
    facts(context.terminal, {
      worker: worker.workerId,
      session: worker.session === undefined ? 'none' : worker.session.epoch,
      since: shownInstant(worker.session?.openedAt, context.terminal.now()),
      'heard of': shownInstant(worker.lastHeartbeatAt, context.terminal.now()),
      state: stateOf(worker),
      serves: worker.session?.benchIds.join(', '),
      agent: plain(worker.session?.agentVersion ?? ''),
      labels: pairs(worker.labels),
      version: worker.version,
    }),
  )

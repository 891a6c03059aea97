import { type CallbackHosts, isCallbackAllowed } from '../callbackHosts.ts'
import type { Call } from './call.ts'
import type { House } from './house.ts'
import { invalid } from './problems.ts'
import type { Reply } from './replies.ts'

/** Where a callback may go is this server's to say: an address elsewhere is a fault of the request, before anything is decided. */
export const withAllowedCallback =
  ({ limits }: Pick<House, 'limits'>, submit: (call: Call<'submitExecution'>) => Reply | Promise<Reply>) =>
  (call: Call<'submitExecution'>): Reply | Promise<Reply> => {
    const { callback } = call.body
    if (callback === undefined || !('url' in callback) || isCallbackAllowed(callback.url, limits.callbackHosts))
      return submit(call)
    return invalid([
      { path: 'callback.url', message: `this server sends callbacks to ${told(limits.callbackHosts)} only` },
    ])
  }

const told = (hosts: CallbackHosts): string =>
  hosts === 'public' ? 'public addresses' : (hosts ?? []).slice(0, 10).join(', ') || 'nobody'

import type { TaskAnswers } from '../adapters/stepfunctions/callback.ts'

/** Answers state machines where the SDK's own settings say; it is loaded only for that. */
export const openStateMachines = async (): Promise<{ answers: TaskAnswers; close: () => void }> => {
  const [{ connect }, { openTaskAnswers }] = await Promise.all([
    import('../adapters/stepfunctions/client.ts'),
    import('../adapters/stepfunctions/callback.ts'),
  ])
  const client = connect()
  return { answers: openTaskAnswers(client), close: () => client.destroy() }
}

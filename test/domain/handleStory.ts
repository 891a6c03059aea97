import type { Outcome } from '../../domain/handle.ts'

export const register = (benchId: string, more: Record<string, unknown> = {}) => ({ benchId, type: 'hil', ...more })
export const booking = (benchId: string, from: number, to: number, more: Record<string, unknown> = {}) => ({
  holder: 'ada',
  benches: [{ benchId }],
  start: `2026-03-02T${String(from).padStart(2, '0')}:00:00.000Z`,
  end: `2026-03-02T${String(to).padStart(2, '0')}:00:00.000Z`,
  ...more,
})
export const refusal = (outcome: Outcome) => (outcome.kind === 'refused' ? outcome.rejection.rejection : outcome.kind)

/**
 * The map of the API on one page: operation → method and path. Imports nothing, so that a command line can know the
 * server without loading a schema. `adapters/routes.ts` says what goes in and what comes out.
 * `{path}` is the only parameter that may hold slashes, and stands at the end.
 */
export const endpoints = {
  registerBench: { method: 'POST', path: '/v1/benches' },
  listBenches: { method: 'GET', path: '/v1/benches' },
  getBench: { method: 'GET', path: '/v1/benches/{benchId}' },
  describeBench: { method: 'PATCH', path: '/v1/benches/{benchId}' },
  startMaintenance: { method: 'POST', path: '/v1/benches/{benchId}/maintenance' },
  endMaintenance: { method: 'DELETE', path: '/v1/benches/{benchId}/maintenance' },
  quarantineBench: { method: 'POST', path: '/v1/benches/{benchId}/quarantine' },
  returnBenchToService: { method: 'DELETE', path: '/v1/benches/{benchId}/quarantine' },
  retireBench: { method: 'POST', path: '/v1/benches/{benchId}/retire' },
  getCalendar: { method: 'GET', path: '/v1/benches/{benchId}/calendar' },
  findAvailability: { method: 'GET', path: '/v1/availability' },

  requestReservation: { method: 'POST', path: '/v1/reservations' },
  listReservations: { method: 'GET', path: '/v1/reservations' },
  getReservation: { method: 'GET', path: '/v1/reservations/{reservationId}' },
  amendReservation: { method: 'PATCH', path: '/v1/reservations/{reservationId}' },
  checkInReservation: { method: 'POST', path: '/v1/reservations/{reservationId}/check-in' },
  releaseReservation: { method: 'POST', path: '/v1/reservations/{reservationId}/release' },
  cancelReservation: { method: 'POST', path: '/v1/reservations/{reservationId}/cancel' },
  transferReservation: { method: 'POST', path: '/v1/reservations/{reservationId}/transfer' },
  explainReservation: { method: 'GET', path: '/v1/reservations/{reservationId}/why' },

  submitExecution: { method: 'POST', path: '/v1/executions' },
  listExecutions: { method: 'GET', path: '/v1/executions' },
  getExecution: { method: 'GET', path: '/v1/executions/{executionId}' },
  cancelExecution: { method: 'POST', path: '/v1/executions/{executionId}/cancel' },
  redriveExecution: { method: 'POST', path: '/v1/executions/{executionId}/redrive' },
  listTasks: { method: 'GET', path: '/v1/executions/{executionId}/tasks' },
  readLog: { method: 'GET', path: '/v1/executions/{executionId}/log' },
  completeAttempt: {
    method: 'POST',
    path: '/v1/executions/{executionId}/tasks/{taskName}/attempts/{attempt}/complete',
  },
  failAttempt: { method: 'POST', path: '/v1/executions/{executionId}/tasks/{taskName}/attempts/{attempt}/fail' },
  acknowledgeCancel: {
    method: 'POST',
    path: '/v1/executions/{executionId}/tasks/{taskName}/attempts/{attempt}/cancelled',
  },
  appendLog: { method: 'POST', path: '/v1/executions/{executionId}/tasks/{taskName}/attempts/{attempt}/log' },

  listArtifacts: { method: 'GET', path: '/v1/executions/{executionId}/artifacts' },
  uploadArtifact: {
    method: 'PUT',
    path: '/v1/executions/{executionId}/tasks/{taskName}/attempts/{attempt}/artifacts/{path}',
  },
  downloadArtifact: {
    method: 'GET',
    path: '/v1/executions/{executionId}/tasks/{taskName}/attempts/{attempt}/artifacts/{path}',
  },

  enrolWorker: { method: 'PUT', path: '/v1/workers/{workerId}' },
  listWorkers: { method: 'GET', path: '/v1/workers' },
  getWorker: { method: 'GET', path: '/v1/workers/{workerId}' },
  openSession: { method: 'POST', path: '/v1/workers/{workerId}/sessions' },
  closeSession: { method: 'DELETE', path: '/v1/workers/{workerId}/sessions/{epoch}' },
  heartbeat: { method: 'POST', path: '/v1/workers/{workerId}/heartbeat' },
  claimTask: { method: 'POST', path: '/v1/workers/{workerId}/claim' },
  getLossFreeze: { method: 'GET', path: '/v1/loss-freeze' },
  liftLossFreeze: { method: 'DELETE', path: '/v1/loss-freeze' },

  acceptMessage: { method: 'PUT', path: '/v1/messages/{messageId}' },
  getMessage: { method: 'GET', path: '/v1/messages/{messageId}' },

  listHistory: { method: 'GET', path: '/v1/history/{kind}/{id}' },
  getStateAsOf: { method: 'GET', path: '/v1/history/{kind}/{id}/state' },
  getEvent: { method: 'GET', path: '/v1/events/{kind}/{id}/{version}' },
  listEvents: { method: 'GET', path: '/v1/events' },
  followEvents: { method: 'GET', path: '/v1/events/live' },
  verifyHistory: { method: 'GET', path: '/v1/audit/verify' },
  exportHistory: { method: 'GET', path: '/v1/audit/export' },

  getViews: { method: 'GET', path: '/v1/views' },
  rebuildViews: { method: 'POST', path: '/v1/views/rebuild' },
  getHealth: { method: 'GET', path: '/healthz' },
  getReadiness: { method: 'GET', path: '/readyz' },
  getMetrics: { method: 'GET', path: '/metrics' },
  getOpenApi: { method: 'GET', path: '/openapi.json' },
  getDocs: { method: 'GET', path: '/docs' },
} as const satisfies Readonly<
  Record<string, { method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; path: `/${string}` }>
>

export type Operation = keyof typeof endpoints

/** What tells nothing of anybody: nobody is asked for a token there, by no way in. */
export const openOperations = ['getHealth', 'getReadiness', 'getOpenApi', 'getDocs'] as const satisfies Operation[]

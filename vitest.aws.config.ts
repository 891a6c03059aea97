import { defineConfig } from 'vitest/config'

/** What speaks to AWS's services, as moto plays them: needs Python, see .ci/run. */
export default defineConfig({
  test: {
    include: ['test/aws/**/*.test.ts'],
    environment: 'node',
    testTimeout: 30_000,
    hookTimeout: 40_000,
    fileParallelism: true,
    maxWorkers: 2,
  },
})

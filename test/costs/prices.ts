/**
 * List prices of us-east-1 without free tiers, discounts, taxes or transfer out. Taken down on the day below from public
 * copies of the pages named beside them, which may be some months old: check them before you rely on a sum made of them.
 */
export interface Price {
  what: string
  /** US dollars for so many. */
  dollars: number
  per: number
  unit: string
  source: string
}

const dynamodb = 'https://aws.amazon.com/dynamodb/pricing/'
const million = 1_000_000

export const takenDownOn = '2026-11-21'

export const prices = {
  write: {
    what: 'DynamoDB write, on demand',
    dollars: 0.625,
    per: million,
    unit: 'write units',
    source: `${dynamodb}on-demand/`,
  },
  read: {
    what: 'DynamoDB read, on demand',
    dollars: 0.125,
    per: million,
    unit: 'read units',
    source: `${dynamodb}on-demand/`,
  },
  writeHour: {
    what: 'DynamoDB write, provisioned',
    dollars: 0.00065,
    per: 1,
    unit: 'unit-hours',
    source: `${dynamodb}provisioned/`,
  },
  readHour: {
    what: 'DynamoDB read, provisioned',
    dollars: 0.00013,
    per: 1,
    unit: 'unit-hours',
    source: `${dynamodb}provisioned/`,
  },
  storage: { what: 'DynamoDB storage', dollars: 0.25, per: 1, unit: 'GB-months', source: `${dynamodb}on-demand/` },
  recovery: {
    what: 'DynamoDB point-in-time recovery',
    dollars: 0.2,
    per: 1,
    unit: 'GB-months',
    source: `${dynamodb}on-demand/`,
  },
  streamRead: {
    what: 'DynamoDB Streams GetRecords (free when Lambda reads)',
    dollars: 0.02,
    per: 100_000,
    unit: 'calls',
    source: `${dynamodb}on-demand/`,
  },
  invocation: {
    what: 'Lambda invocation',
    dollars: 0.2,
    per: million,
    unit: 'invocations',
    source: 'https://aws.amazon.com/lambda/pricing/',
  },
  gigabyteSecond: {
    what: 'Lambda time, arm64',
    dollars: 0.0000133334,
    per: 1,
    unit: 'GB-seconds',
    source: 'https://aws.amazon.com/lambda/pricing/',
  },
  request: {
    what: 'API Gateway, HTTP API',
    dollars: 1,
    per: million,
    unit: 'requests',
    source: 'https://aws.amazon.com/api-gateway/pricing/',
  },
  event: {
    what: 'EventBridge event of up to 64 KB',
    dollars: 1,
    per: million,
    unit: 'events',
    source: 'https://aws.amazon.com/eventbridge/pricing/',
  },
  queueRequest: {
    what: 'SQS request',
    dollars: 0.4,
    per: million,
    unit: 'requests',
    source: 'https://aws.amazon.com/sqs/pricing/',
  },
  transition: {
    what: 'Step Functions transition, standard',
    dollars: 0.025,
    per: 1_000,
    unit: 'transitions',
    source: 'https://aws.amazon.com/step-functions/pricing/',
  },
} as const satisfies Record<string, Price>

export type PriceName = keyof typeof prices

/** What so much of it costs, in millionths of a US dollar. */
export const microDollars = (name: PriceName, count: number): number => {
  const { dollars, per } = prices[name]
  return (dollars / per) * count * million
}

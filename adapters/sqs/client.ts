import { SQSClient } from '@aws-sdk/client-sqs'
import { type ConnectOptions, connectionOf } from '../awsConnection.ts'

/** Close it with `destroy()`. A receive that waits takes up to a second before it is answered. */
export const connect = (options: ConnectOptions = {}): SQSClient => new SQSClient(connectionOf(options))

import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { type ConnectOptions, connectionOf } from '../awsConnection.ts'

/** Close it with `destroy()`. */
export const connect = (options: ConnectOptions = {}): EventBridgeClient => new EventBridgeClient(connectionOf(options))

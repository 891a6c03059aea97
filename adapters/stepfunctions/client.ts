import { SFNClient } from '@aws-sdk/client-sfn'
import { type ConnectOptions, connectionOf } from '../awsConnection.ts'

/** Close it with `destroy()`. */
export const connect = (options: ConnectOptions = {}): SFNClient => new SFNClient(connectionOf(options))

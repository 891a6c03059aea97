import type { Command } from 'commander'
import type { Verb } from './context.ts'
import type { House, ServeOptions } from './house.ts'
import { wholeNumber } from './options.ts'

const help = `
Every option can also stand in the --config file, as host, port, dataDir, store and so on, or in the environment, as
BENCHPLANE_HOST, BENCHPLANE_PORT, BENCHPLANE_DATA_DIR, BENCHPLANE_STORE and so on. An option goes before the environment,
and the environment before the file. --print-config shows what is in force and where each comes from.

With --store dynamodb the history lies in tables that several servers may share; tablePrefix is in front of their names. Which
engine, region and credentials: the SDK's own settings, such as AWS_REGION, AWS_PROFILE and AWS_ENDPOINT_URL_DYNAMODB.

Unless jwtIssuer and jwtAudience say whose tokens are asked for, nobody is asked who they are: then the server is reachable
from this machine only, and refuses to listen elsewhere.
Exit codes: 1 when it can not start (the port or the data directory is in use, tables are missing, …), 2 for a faulty setting,
no region or no credentials, 6 when DynamoDB is not reached, 7 when the history is damaged.`

export const declare = (serve: Command, verb: Verb, house: House): void => {
  serve
    .option('--host <address>', 'where to listen; 127.0.0.1 by default')
    .option('--port <number>', '4180 by default; 0: any that is free', wholeNumber(0, 65_535))
    .option('--data <directory>', 'where the history is kept; .benchplane by default')
    .option('--store <kind>', 'sqlite (default); memory, which forgets everything at its end; or dynamodb')
    .option('--create-tables', 'with --store dynamodb: create the tables that are missing, for local use')
    .option('--config <file>', 'settings, as YAML')
    .option('--print-config', 'show the settings and end')
    .addHelpText('after', help)
  verb(serve, (_, options: ServeOptions) => house.serve(options))
}

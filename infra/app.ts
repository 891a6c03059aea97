/** The deployment as CDK knows it (cdk.json): `npx cdk synth`, `npx cdk deploy --all`. */
import { App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { deployment } from './stacks/deployment.ts'
import { FaultyOptions, optionsOf } from './stacks/options.ts'

const app = new App()
try {
  deployment(app, optionsOf(app))
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
} catch (error) {
  if (!(error instanceof FaultyOptions)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(2)
}

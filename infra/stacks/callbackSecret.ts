import { RemovalPolicy, type Stack } from 'aws-cdk-lib'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { named, type Options } from './options.ts'
import { acknowledge } from './reasons.ts'

/** Letters and digits by fours are base64 too: 33 bytes. */
const secretChars = 44

/**
 * What callbacks are signed with: made once, and kept. Whoever verifies them reads it in Secrets Manager; the function is
 * given it in its environment, which is encrypted, and to be read only by who may read the function's configuration.
 */
export const callbackSecret = (stack: Stack, options: Options): string => {
  const secret = new Secret(stack, 'callbackSecret', {
    secretName: named(options, 'callbacks'),
    description: 'Callbacks are signed with it; receivers know it as whsec_ and this',
    generateSecretString: { excludePunctuation: true, includeSpace: false, passwordLength: secretChars },
    removalPolicy: RemovalPolicy.RETAIN,
  })
  acknowledge(secret, 'callbackSecret')
  return `whsec_${secret.secretValue.unsafeUnwrap()}`
}

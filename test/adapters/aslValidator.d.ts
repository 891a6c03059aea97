declare module 'asl-validator' {
  /** Has no types of its own. */
  export default function validate(definition: object): {
    isValid: boolean
    errors: readonly { 'Error code': string; Message: string }[]
  }
}

/** What others wrote must not steer the terminal it is shown on. */
export const plain = (text: string): string =>
  text
    .replaceAll(/\r?\n/g, ' ')
    .replaceAll(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** For programs. */
export const json = (value: unknown): string => JSON.stringify(value, undefined, 2)

/** What we use of cli-progress, which comes without types. */
declare module 'cli-progress' {
  export interface BarOptions {
    format: string
    clearOnComplete: boolean
    hideCursor: boolean
    gracefulExit: boolean
    linewrap: boolean
    stream: NodeJS.WritableStream
  }
  export class SingleBar {
    constructor(options: BarOptions)
    start(total: number, startValue: number, payload: Readonly<Record<string, string>>): void
    update(current: number, payload: Readonly<Record<string, string>>): void
    setTotal(total: number): void
    stop(): void
  }
}

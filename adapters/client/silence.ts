/** Aborts when nobody has said `heard` for so long, and at its end. */
export interface Silence {
  signal: AbortSignal
  heard(): void
  end: () => void
}

export const silenceAfter = (ms: number): Silence => {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new DOMException('fell silent', 'TimeoutError')), ms)
  const end = (): void => {
    clearTimeout(timer)
    controller.abort()
  }
  return { signal: controller.signal, heard: () => timer.refresh(), end }
}

export const silenceMsDefault = 30_000

export interface TransferOptions {
  signal?: AbortSignal
  /** A try on which nothing gets on for so long is given up. Default 30 000. */
  silenceMs?: number
  /** For how long after the first try another is begun. Default: the client's. */
  retryForMs?: number
}

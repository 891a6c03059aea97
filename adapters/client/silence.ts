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

/**
 * Where callbacks may go: `ci.example.com`, `*.example.com` (any host below it) or `localhost:8080` (that port alone).
 * Without a list, anywhere.
 */
export const isCallbackAllowed = (url: string, hosts: readonly string[] | undefined): boolean => {
  if (hosts === undefined) return true
  const { hostname, host, port, protocol } = new URL(url)
  const whole = port === '' ? `${host}:${protocol === 'https:' ? 443 : 80}` : host
  return hosts.some((allowed) => {
    const name = allowed.toLowerCase()
    if (name.startsWith('*.')) return hostname.endsWith(name.slice(1))
    return name === hostname || name === whole
  })
}

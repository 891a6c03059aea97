import { BlockList, isIP } from 'node:net'
import { z } from 'zod'

/**
 * Where callbacks may go: `ci.example.com`, `*.example.com` (any host below it) or `localhost:8080` (that port alone);
 * `public`: to public addresses only. Absent: anywhere.
 */
export type CallbackHosts = readonly string[] | 'public' | undefined

const host = z
  .string()
  .max(255)
  .regex(/^(?:\*\.)?[A-Za-z0-9.-]+(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/, 'a host')

/** From a text with commas between. */
export const callbackHosts = z.preprocess(
  (value) => (typeof value === 'string' && value !== 'public' ? value.split(',').map((each) => each.trim()) : value),
  z.union([z.literal('public'), z.array(host).max(100)]),
)

/** By its address alone; what a name stands for is known when it is sent. */
export const isCallbackAllowed = (url: string, hosts: CallbackHosts): boolean => {
  if (hosts === undefined) return true
  const { hostname, host, port, protocol } = new URL(url)
  if (hosts === 'public') return isPublicHost(hostname)
  const whole = port === '' ? `${host}:${protocol === 'https:' ? 443 : 80}` : host
  return hosts.some((allowed) => {
    const name = allowed.toLowerCase()
    if (name.startsWith('*.')) return hostname.endsWith(name.slice(1))
    return name === hostname || name === whole
  })
}

const isPublicHost = (hostname: string): boolean => {
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(address) === 0 ? !/(?:^|\.)localhost\.?$/.test(hostname) : isPublicAddress(address)
}

/** Everything that is not the internet's: this machine, private networks, links, and what is translated to them. */
const inward = new BlockList()
const ipv4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.168.0.0/16 198.18.0.0/15 224.0.0.0/3'
const ipv6 = '::/96 64:ff9b::/96 64:ff9b:1::/48 2002::/16 fc00::/7 fe80::/9 ff00::/8'
for (const [family, nets] of Object.entries({ ipv4, ipv6 }))
  for (const net of nets.split(' ')) {
    const [address = '', bits] = net.split('/')
    inward.addSubnet(address, Number(bits), family as 'ipv4' | 'ipv6')
  }

/** An IPv4 address in the clothes of IPv6 is judged as what it is. */
export const isPublicAddress = (address: string): boolean =>
  !inward.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')

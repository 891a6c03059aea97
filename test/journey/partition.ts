import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A network between an agent and its server that can be cut: nothing is closed, nothing arrives. */
export interface Network {
  url: string
  /** From now on nothing arrives: in both directions, or of what the server says. */
  cut(direction: 'both' | 'answers'): void
  /** Connections that live through it are closed, new ones go through. */
  heal(): void
  /** The connection is broken the next time that so many bytes of a connection have gone to the server. */
  breakAfter(bytes: number): void
  breakCount: () => number
}

interface Faults {
  cut: 'no' | 'both' | 'answers'
  breakAfterBytes: number
  breakCount: number
}

export const openNetwork = async (target: string): Promise<Network> => {
  const sockets = new Set<Socket>()
  const faults: Faults = { cut: 'no', breakAfterBytes: Number.POSITIVE_INFINITY, breakCount: 0 }
  const server = createServer((near) => {
    const far = connect(Number(new URL(target).port), '127.0.0.1')
    for (const socket of [near, far]) sockets.add(socket)
    near.on('close', () => sockets.delete(near))
    far.on('close', () => sockets.delete(far))
    join(near, far, faults)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const closeAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    closeAll()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: (direction) => {
      faults.cut = direction
    },
    heal: () => {
      faults.cut = 'no'
      closeAll()
    },
    breakAfter: (bytes) => {
      faults.breakAfterBytes = bytes
    },
    breakCount: () => faults.breakCount,
  }
}

/** `near` asks, `far` answers. */
const join = (near: Socket, far: Socket, faults: Faults): void => {
  let askedBytes = 0
  near.on('data', (bytes) => {
    if (faults.cut === 'both') return
    askedBytes += bytes.length
    if (askedBytes <= faults.breakAfterBytes) {
      far.write(bytes)
      return
    }
    faults.breakAfterBytes = Number.POSITIVE_INFINITY
    faults.breakCount += 1
    near.resetAndDestroy()
    far.destroy()
  })
  far.on('data', (bytes) => {
    if (faults.cut === 'no') near.write(bytes)
  })
  for (const [socket, other] of [
    [near, far],
    [far, near],
  ] as const) {
    socket.on('error', () => undefined)
    // Of a cut network not even that arrives.
    socket.on('close', () => faults.cut === 'no' && other.destroy())
  }
}

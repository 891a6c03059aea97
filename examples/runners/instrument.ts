/** A power supply that is none: enough of SCPI over TCP to try a runner on. `node examples/runners/instrument.ts 5025` */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export interface Simulator {
  port: number
  /** What was said to it, in order. */
  heard: readonly string[]
  /** How many are connected now. */
  connectionCount: () => number
  close(): Promise<void>
}

/** Listens on loopback; port 0 is any that is free. */
export const startInstrument = async (port = 0): Promise<Simulator> => {
  const sockets = new Set<Socket>()
  const heard: string[] = []
  const supply = newSupply()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    createInterface({ input: socket }).on('line', (line) => {
      heard.push(line)
      if (line === 'SIM:HANGUP') socket.destroy()
      const answer = supply(line.trim())
      if (answer !== undefined) socket.write(`${answer}\n`)
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    connectionCount: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Answers a line, or does as told without a word. `SIM:SILENT?` is never answered, `SIM:HANGUP` ends the connection. */
const newSupply = (): ((line: string) => string | undefined) => {
  let volts = 0
  let isOn = false
  return (line) => {
    const [header = '', argument = ''] = line.split(' ')
    switch (header.toUpperCase()) {
      case '*IDN?':
        return 'BENCHPLANE,PSU-SIM,0001,1.0'
      case '*RST':
        volts = 0
        isOn = false
        return undefined
      case 'VOLT':
        volts = Number(argument)
        return undefined
      case 'VOLT?':
        return volts.toFixed(3)
      case 'OUTP':
        isOn = argument.toUpperCase() === 'ON' || argument === '1'
        return undefined
      case 'OUTP?':
        return isOn ? '1' : '0'
      case 'MEAS:VOLT?':
        return (isOn ? volts * 1.001 : 0).toFixed(4)
      default:
        return line.startsWith('SIM:') || !line.endsWith('?') ? undefined : '-113,"Undefined header"'
    }
  }
}

if (import.meta.main) {
  const { port } = await startInstrument(Number(process.argv[2] ?? 5025))
  console.log(`a simulated power supply listens on 127.0.0.1:${port}`)
}

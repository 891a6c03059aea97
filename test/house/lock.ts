/** An entry of `packages` in package-lock.json, as far as we read it. */
interface LockEntry {
  version?: string
  dev?: boolean
  optional?: boolean
  os?: readonly string[]
  cpu?: readonly string[]
  libc?: readonly string[]
  optionalDependencies?: Readonly<Record<string, string>>
}
export interface Lock {
  packages: Record<string, LockEntry>
}

/** A package that is only wanted on some platform, and has no entry of its own. */
interface Missing {
  name: string
  version: string
  wantedBy: string
}

const isLocked = ({ packages }: Lock, name: string, wantedBy: string): boolean => {
  if (packages[`${wantedBy}/node_modules/${name}`] !== undefined) return true
  const outer = wantedBy.lastIndexOf('/node_modules/')
  return outer < 0
    ? packages[`node_modules/${name}`] !== undefined
    : isLocked({ packages }, name, wantedBy.slice(0, outer))
}

/** What `npm ci` refuses to do without, on whatever platform it runs. */
export const missingFrom = (lock: Lock): readonly Missing[] =>
  Object.entries(lock.packages).flatMap(([wantedBy, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => wantedBy !== '' && !isLocked(lock, name, wantedBy))
      .map(([name, version]) => ({ name, version, wantedBy })),
  )

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

/** Read from the name, `@biomejs/cli-linux-x64-musl`: the manifest itself is not at hand. */
const platformOf = (name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> => {
  const words = name.split(/[/-]/)
  const os = systems.filter((system) => words.includes(system))
  const cpu = processors.filter((processor) => words.includes(processor))
  const musl = words.some((word) => word.startsWith('musl'))
  const gnu = words.some((word) => word.startsWith('gnu'))
  return {
    ...(os.length > 0 ? { os } : {}),
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(musl || gnu ? { libc: [musl ? 'musl' : 'glibc'] } : {}),
  }
}

/** Its members in the order in which npm writes them, so that the next `npm install` changes nothing. */
const entryOf = (version: string, dev: boolean, { cpu, libc, os }: ReturnType<typeof platformOf>): LockEntry => ({
  version,
  ...(cpu === undefined ? {} : { cpu }),
  ...(dev ? { dev } : {}),
  ...(libc === undefined ? {} : { libc }),
  optional: true,
  ...(os === undefined ? {} : { os }),
})

/** The lock with an entry for each, in npm's order. */
export const completed = (lock: Lock): Lock => {
  const added = missingFrom(lock).map(({ name, version, wantedBy }): [string, LockEntry] => [
    `node_modules/${name}`,
    entryOf(version, lock.packages[wantedBy]?.dev === true, platformOf(name)),
  ])
  const packages = [...Object.entries(lock.packages), ...added].toSorted(([a], [b]) => a.localeCompare(b, 'en'))
  return { ...lock, packages: Object.fromEntries(packages) }
}

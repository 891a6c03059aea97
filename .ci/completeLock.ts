/**
 * A registry that carries one platform's binaries only leaves those of the others out of package-lock.json, and `npm ci`
 * then refuses it. Run this after `npm install`: it adds what is missing, with the versions their packages ask for.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { completed, type Lock } from '../test/house/lock.ts'

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8')) as Lock
writeFileSync(file, `${JSON.stringify(completed(lock), undefined, 2)}\n`)

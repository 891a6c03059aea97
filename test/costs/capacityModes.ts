/** On demand against provisioned: from which utilisation on it pays to provision. */
import { hoursPerMonth } from './assumptions.ts'
import { microDollars, prices } from './prices.ts'

const secondsPerHour = 3_600

/** A provisioned unit does 3 600 requests an hour at most; of these so many must be used for it to cost as much. */
export const breakEvenUtilisation = (mode: 'write' | 'read'): number =>
  microDollars(`${mode}Hour`, 1) / (secondsPerHour * microDollars(mode, 1))

/** Dollars for a million writes at a utilisation. */
export const provisionedPerMillion = (utilisation: number): number =>
  ((prices.writeHour.dollars / secondsPerHour) * 1_000_000) / utilisation

export interface Load {
  benchCount: number
  /** Write units a second, steady. */
  writesPerSecond: number
  onDemandDollars: number
  provisionedDollars: number
}

/** Beats are as steady as a load can be: what is provisioned for them is used as far as autoscaling leaves it. */
export const beatsOf = (benchCount: number, beatsPerSecond: number, targetUtilisation: number): Load => {
  const writesPerSecond = benchCount * beatsPerSecond
  const units = Math.ceil(writesPerSecond / targetUtilisation)
  return {
    benchCount,
    writesPerSecond,
    onDemandDollars: microDollars('write', writesPerSecond * secondsPerHour * hoursPerMonth) / 1_000_000,
    provisionedDollars: units * hoursPerMonth * prices.writeHour.dollars,
  }
}

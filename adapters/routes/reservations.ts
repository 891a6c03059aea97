import { z } from 'zod'
import { id, name, slug } from '../../domain/fields.ts'
import * as commands from '../../domain/reservation/commands.ts'
import { Explanation, page, Reservation } from './resources.ts'
import { freshness, listing, type Route } from './route.ts'

const params = z.strictObject({ reservationId: id })
const tag = 'reservations'
const command = <Type extends string>(type: Type) => ({ kind: 'reservation', type, id: 'reservationId' }) as const
const responses = { 200: Reservation } as const

export const reservationRoutes = {
  requestReservation: {
    tag,
    summary: 'Reserve benches, by id or by query, for one window; all or none',
    body: commands.RequestReservation,
    command: command('RequestReservation'),
    responses: { 201: Reservation },
  },
  listReservations: {
    tag,
    summary: 'List reservations, newest first; those of a bench by start',
    query: listing({
      benchId: slug.optional(),
      holder: name.optional(),
      status: z.enum(['confirmed', 'queued', 'active', 'released', 'expired', 'no-show', 'cancelled']).optional(),
    }),
    responses: { 200: page(Reservation) },
  },
  getReservation: { tag, summary: 'One reservation', params, query: freshness, responses },
  amendReservation: {
    tag,
    summary: 'Move or resize the window, as a whole or not at all; once active only its end',
    params,
    body: commands.AmendReservation,
    command: command('AmendReservation'),
    responses,
  },
  checkInReservation: {
    tag,
    summary: 'Check in',
    params,
    bodyless: true,
    command: command('CheckInReservation'),
    responses,
  },
  releaseReservation: {
    tag,
    summary: 'Give an active reservation back before its end',
    params,
    bodyless: true,
    command: command('ReleaseReservation'),
    responses,
  },
  cancelReservation: {
    tag,
    summary: 'Cancel a reservation that is not active yet',
    params,
    bodyless: true,
    command: command('CancelReservation'),
    responses,
  },
  transferReservation: {
    tag,
    summary: 'Hand the reservation to another holder',
    params,
    body: commands.TransferReservation,
    command: command('TransferReservation'),
    responses,
  },
  explainReservation: {
    tag,
    summary: 'Why these benches and this window, as decided; and for a queued one, what it waits for',
    params,
    responses: { 200: Explanation },
  },
} as const satisfies Record<string, Route>

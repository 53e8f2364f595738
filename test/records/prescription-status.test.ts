import { describe, expect, test } from 'bun:test'
import { canStop, statusOn } from '../../src/records/prescription-status'

type Event = [kind: 'stopped' | 'renewed', at: string, until?: string]

const prescription = (days: number[], ...events: Event[]) => ({
  createdAt: new Date('2026-03-02T20:00:00Z'),
  medicines: days.map((durationDays) => ({ durationDays })),
  events: events.map(([kind, at, until], i) => ({ id: `${i}`, kind, at: new Date(at), reason: null, until })),
})

describe('status of a prescription on a day', () => {
  test.each<[string, number[], Event[], string, string | undefined]>([
    ['has no status before it is written', [7], [], '2026-03-01', undefined],
    ['is active on the day it is written', [7], [], '2026-03-02', 'active until 2026-03-08'],
    ['is active on its last day', [7], [], '2026-03-08', 'active until 2026-03-08'],
    ['has ended the day after its last day', [7], [], '2026-03-09', 'ended until 2026-03-08'],
    ['of one day is active on that day only', [1], [], '2026-03-03', 'ended until 2026-03-02'],
    ['runs as long as its longest medicine', [3, 10, 5], [], '2026-03-11', 'active until 2026-03-11'],
    ['continues through the end of a month', [30], [], '2026-03-31', 'active until 2026-03-31'],

    ['is stopped from its stop on', [7], [['stopped', '2026-03-05T09:00Z']], '2026-03-05', 'stopped until 2026-03-04'],
    ['was active until its stop', [7], [['stopped', '2026-03-05T09:00Z']], '2026-03-04', 'active until 2026-03-08'],
    ['stays stopped', [7], [['stopped', '2026-03-05T09:00Z']], '2027-01-01', 'stopped until 2026-03-04'],
    [
      'that is stopped on its first day was never active',
      [7],
      [['stopped', '2026-03-02T21:00Z']],
      '2026-03-02',
      'stopped until 2026-03-01',
    ],
    [
      'that is stopped after its end keeps its end',
      [7],
      [['stopped', '2026-04-01T09:00Z']],
      '2026-04-01',
      'stopped until 2026-03-08',
    ],

    [
      'that is renewed early runs from the renewal',
      [7],
      [['renewed', '2026-03-06T09:00Z']],
      '2026-03-12',
      'active until 2026-03-12',
    ],
    [
      'that is renewed after its end is active again',
      [7],
      [['renewed', '2026-04-01T09:00Z']],
      '2026-04-07',
      'active until 2026-04-07',
    ],
    ['had ended before its renewal', [7], [['renewed', '2026-04-01T09:00Z']], '2026-03-20', 'ended until 2026-03-08'],
    [
      'runs until the day that the renewal gives',
      [7],
      [['renewed', '2026-03-06T09:00Z', '2026-06-30']],
      '2026-06-30',
      'active until 2026-06-30',
    ],
    [
      'does not end earlier because of a renewal',
      [90],
      [['renewed', '2026-03-06T09:00Z', '2026-03-10']],
      '2026-05-30',
      'active until 2026-05-30',
    ],
    [
      'that is renewed twice runs from the later renewal',
      [7],
      [
        ['renewed', '2026-03-06T09:00Z'],
        ['renewed', '2026-03-10T09:00Z'],
      ],
      '2026-03-16',
      'active until 2026-03-16',
    ],

    [
      'that is renewed after a stop is active',
      [7],
      [
        ['stopped', '2026-03-05T09:00Z'],
        ['renewed', '2026-03-10T09:00Z'],
      ],
      '2026-03-16',
      'active until 2026-03-16',
    ],
    [
      'was stopped between its stop and its renewal',
      [7],
      [
        ['stopped', '2026-03-05T09:00Z'],
        ['renewed', '2026-03-10T09:00Z'],
      ],
      '2026-03-09',
      'stopped until 2026-03-04',
    ],
    [
      'that is stopped and then renewed on one day is active on that day',
      [7],
      [
        ['stopped', '2026-03-05T09:00Z'],
        ['renewed', '2026-03-05T10:00Z'],
      ],
      '2026-03-05',
      'active until 2026-03-11',
    ],
    [
      'that is renewed and then stopped on one day is stopped on that day',
      [7],
      [
        ['renewed', '2026-03-05T09:00Z'],
        ['stopped', '2026-03-05T10:00Z'],
      ],
      '2026-03-05',
      'stopped until 2026-03-04',
    ],
    [
      'has the status of the last event in the list, whatever the times',
      [7],
      [
        ['renewed', '2026-03-05T10:00Z'],
        ['stopped', '2026-03-05T09:00Z'],
      ],
      '2026-03-06',
      'stopped until 2026-03-04',
    ],
  ])('a prescription %s', (_, days, events, day, expected) => {
    const found = statusOn(prescription(days, ...events), day)
    expect(found && `${found.status} until ${found.until}`).toBe(expected)
  })

  test('a prescription without a list of events has the status of its medicines', () => {
    const { events: _, ...bare } = prescription([7])
    expect(statusOn(bare, '2026-03-08')).toEqual({ status: 'active', until: '2026-03-08' })
    expect(canStop({ events: undefined })).toBe(true)
  })
})

test('a prescription can be stopped unless it is stopped already', () => {
  const stopped: Event = ['stopped', '2026-03-05T09:00Z']
  const renewed: Event = ['renewed', '2026-03-06T09:00Z']
  expect(canStop(prescription([7]))).toBe(true)
  expect(canStop(prescription([7], stopped))).toBe(false)
  expect(canStop(prescription([7], stopped, renewed))).toBe(true)
  expect(canStop(prescription([7], stopped, renewed, stopped))).toBe(false)
})

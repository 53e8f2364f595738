import { describe, expect, test } from 'bun:test'
import { canStop, statusOn } from '../../src/records/prescription-status'

type Event = [kind: 'stopped' | 'renewed', at: string, until?: string]

const prescription = (days: number[], ...events: Event[]) => ({
  createdAt: new Date('2026-03-02T20:00:00Z'),
  medicines: days.map((durationDays) => ({ durationDays })),
  events: events.map(([kind, at, until], i) => ({ id: `${i}`, kind, at: new Date(at), reason: null, until })),
})

describe('on a day, a prescription', () => {
  test.each<[string, number[], Event[], string, string | undefined]>([
    ['is nothing before it is written', [7], [], '2026-03-01', undefined],
    ['is active on the day it is written', [7], [], '2026-03-02', 'active until 2026-03-08'],
    ['is active on its last day', [7], [], '2026-03-08', 'active until 2026-03-08'],
    ['has ended the day after', [7], [], '2026-03-09', 'ended until 2026-03-08'],
    ['of one day is active on that day only', [1], [], '2026-03-03', 'ended until 2026-03-02'],
    ['runs as long as its longest medicine', [3, 10, 5], [], '2026-03-11', 'active until 2026-03-11'],
    ['goes on through the end of a month', [30], [], '2026-03-31', 'active until 2026-03-31'],

    ['is stopped from that day on', [7], [['stopped', '2026-03-05T09:00Z']], '2026-03-05', 'stopped until 2026-03-04'],
    ['was active the day before', [7], [['stopped', '2026-03-05T09:00Z']], '2026-03-04', 'active until 2026-03-08'],
    ['stays stopped', [7], [['stopped', '2026-03-05T09:00Z']], '2027-01-01', 'stopped until 2026-03-04'],
    [
      'stopped at once was never active',
      [7],
      [['stopped', '2026-03-02T21:00Z']],
      '2026-03-02',
      'stopped until 2026-03-01',
    ],
    [
      'stopped after its end ended when it did',
      [7],
      [['stopped', '2026-04-01T09:00Z']],
      '2026-04-01',
      'stopped until 2026-03-08',
    ],

    [
      'renewed early runs from the renewal',
      [7],
      [['renewed', '2026-03-06T09:00Z']],
      '2026-03-12',
      'active until 2026-03-12',
    ],
    [
      'renewed after its end is active again',
      [7],
      [['renewed', '2026-04-01T09:00Z']],
      '2026-04-07',
      'active until 2026-04-07',
    ],
    ['was not active in between', [7], [['renewed', '2026-04-01T09:00Z']], '2026-03-20', 'ended until 2026-03-08'],
    [
      'runs until the day that was named',
      [7],
      [['renewed', '2026-03-06T09:00Z', '2026-06-30']],
      '2026-06-30',
      'active until 2026-06-30',
    ],
    [
      'does not end sooner for a renewal',
      [90],
      [['renewed', '2026-03-06T09:00Z', '2026-03-10']],
      '2026-05-30',
      'active until 2026-05-30',
    ],
    [
      'renewed twice runs from the later',
      [7],
      [
        ['renewed', '2026-03-06T09:00Z'],
        ['renewed', '2026-03-10T09:00Z'],
      ],
      '2026-03-16',
      'active until 2026-03-16',
    ],

    [
      'renewed after it was stopped is active',
      [7],
      [
        ['stopped', '2026-03-05T09:00Z'],
        ['renewed', '2026-03-10T09:00Z'],
      ],
      '2026-03-16',
      'active until 2026-03-16',
    ],
    [
      'was stopped in between',
      [7],
      [
        ['stopped', '2026-03-05T09:00Z'],
        ['renewed', '2026-03-10T09:00Z'],
      ],
      '2026-03-09',
      'stopped until 2026-03-04',
    ],
    [
      'stopped and renewed on one day is active on it',
      [7],
      [
        ['stopped', '2026-03-05T09:00Z'],
        ['renewed', '2026-03-05T10:00Z'],
      ],
      '2026-03-05',
      'active until 2026-03-11',
    ],
    [
      'renewed and stopped on one day is stopped on it',
      [7],
      [
        ['renewed', '2026-03-05T09:00Z'],
        ['stopped', '2026-03-05T10:00Z'],
      ],
      '2026-03-05',
      'stopped until 2026-03-04',
    ],
    [
      'is what the last in the list made it, whatever the times',
      [7],
      [
        ['renewed', '2026-03-05T10:00Z'],
        ['stopped', '2026-03-05T09:00Z'],
      ],
      '2026-03-06',
      'stopped until 2026-03-04',
    ],
  ])('%s', (_, days, events, day, expected) => {
    const found = statusOn(prescription(days, ...events), day)
    expect(found && `${found.status} until ${found.until}`).toBe(expected)
  })

  test('without a list of events is as it was written', () => {
    const { events: _, ...bare } = prescription([7])
    expect(statusOn(bare, '2026-03-08')).toEqual({ status: 'active', until: '2026-03-08' })
    expect(canStop({ events: undefined })).toBe(true)
  })
})

test('only one that is stopped cannot be stopped', () => {
  const stopped: Event = ['stopped', '2026-03-05T09:00Z']
  const renewed: Event = ['renewed', '2026-03-06T09:00Z']
  expect(canStop(prescription([7]))).toBe(true)
  expect(canStop(prescription([7], stopped))).toBe(false)
  expect(canStop(prescription([7], stopped, renewed))).toBe(true)
  expect(canStop(prescription([7], stopped, renewed, stopped))).toBe(false)
})

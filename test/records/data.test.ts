import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { createTestApp, NOW } from '../support/app'

const FULL = process.env.TEST_SCALE === 'full'

const t = await createTestApp()
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const patient = await t.newPatient()
await t.newAppointment({ patient, doctor, startsAt: NOW })

/** Field names with a meaning in BSON, JSON or JavaScript. */
const AWKWARD = [
  ...['_bsontype', '_id', 'id', '', '.', 'a.b', 'a$b', 'constructor', 'toString', 'hasOwnProperty', 'toJSON', 'toBSON'],
  ...['length', '0', '10', 'é', '👩‍⚕️', 'schemaVersion', 'patientId', 'ref', 'then', ' '],
]
const NUMBERS = [1.0, 3_000_000_000, -0, 1e21, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 5e-324, 1.7976931348623157e308, 0.1]

const text = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .filter((value) => value.isWellFormed() && !value.includes('\0'))
const name = fc
  .oneof(fc.constantFrom(...AWKWARD), text)
  .filter((value) => !value.startsWith('$') && value !== '__proto__')
const { data } = fc.letrec<{ data: Record<string, unknown>; value: unknown }>((tie) => ({
  data: fc.dictionary(name, tie('value'), { maxKeys: 6, noNullPrototype: true }),
  value: fc.oneof(
    { maxDepth: 5 },
    text,
    fc.constantFrom(null, true, false, ...NUMBERS),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.maxSafeInteger(),
    fc.array(tie('value'), { maxLength: 5 }),
    tie('data'),
  ),
}))

/** The JSON text of a value, to compare exactly. */
const spelling = (value: unknown) => JSON.stringify(value)

const exactly = async () => {
  await fc.assert(
    fc.asyncProperty(data, async (sent) => {
      const body = { type: 'lab_result', title: 'Values', data: sent }
      const created = await t.as(doctor.actor).post(`/patients/${patient.id}/records`, body)
      expect(created.status).toBe(201)
      expect(spelling(created.body.data)).toBe(spelling(sent))
      const read = await t.as(patient.actor).get(`/records/${created.body.id}`)
      expect(read.text).toBe(created.text)
    }),
    {
      numRuns: FULL ? 1_000 : 40,
      examples: [
        [Object.fromEntries(NUMBERS.map((number, i) => [`n${i}`, number]))],
        [Object.fromEntries(AWKWARD.map((key) => [key, { [key]: key }]))],
        [{ _bsontype: 'ObjectId', list: [{ _bsontype: 'Long' }, [[]], {}] }],
        [{ constructor: [{ a: 1 }], list: { valueOf: [[{}]] } }],
      ],
    },
  )
}

test('record data is read exactly as it was sent', exactly, FULL ? 120_000 : 20_000)

test('a negative zero and numbers beyond the safe integers keep their value in record data', async () => {
  const body = '{"type":"lab_result","title":"Values","data":{"a":1.0,"b":3000000000,"c":-0,"d":1e21,"e":1E-7}}'
  const created = await t.as(doctor.actor).post(`/patients/${patient.id}/records`, body)
  expect(created.body.data).toEqual({ a: 1, b: 3_000_000_000, c: 0, d: 1e21, e: 1e-7 })
  const stored = await t.deps.mongo.collection<{ _id: string }>('medical_records').findOne({ _id: created.body.id })
  expect(stored).toMatchObject({ data: { a: 1, b: 3_000_000_000, c: -0, d: 1e21, e: 1e-7 } })
})

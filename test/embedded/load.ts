// A client process that keeps MongoDB busy until it is killed: `bun load.ts <uri>`.
import { MongoClient } from 'mongodb'

type Entry = { worker: number; at: Date; text: string }

const client = await new MongoClient(process.argv[2] ?? '', { maxPoolSize: 16 }).connect()
const entries = client.db('load').collection<Entry>('entries')
await entries.createIndex({ worker: 1, at: -1 })
console.log('busy')

await Promise.all(
  Array.from({ length: 16 }, async (_, worker) => {
    while (true) {
      await entries.insertMany(Array.from({ length: 20 }, () => ({ worker, at: new Date(), text: 'x'.repeat(2000) })))
      await entries.find({ worker }).sort({ at: -1 }).limit(100).toArray()
      await entries.aggregate([{ $match: { worker } }, { $group: { _id: '$worker', count: { $sum: 1 } } }]).toArray()
    }
  }),
)

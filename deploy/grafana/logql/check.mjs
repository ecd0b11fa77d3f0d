// Reads queries, a JSON list, and fails where one of them is no LogQL.
import { readFileSync } from 'node:fs'
import { parser } from '@grafana/lezer-logql'

let failed = false
for (const query of JSON.parse(readFileSync(0, 'utf8'))) {
  parser.parse(query).iterate({
    enter(node) {
      if (node.type.isError) {
        console.error(`no LogQL at ${node.from}: ${query}`)
        failed = true
      }
    },
  })
}
process.exit(failed ? 1 : 0)

"""`make bench`: prints what `docs/performance.md` states, and fails where a count is above its aim."""

import sys

from benchmarks import operation_counts

rows = operation_counts.run()
print(f"{'operation':36} {'Redis round trips':>18} {'DynamoDB calls':>15}   aim (Redis + DynamoDB)")
for row in rows:
    print(f"{row.operation:36} {row.redis_round_trips:18} {row.dynamodb_calls:15}   {row.aim}")
missed = [row.operation for row in rows if row.misses_its_aim]
if missed:
    sys.exit(f"above its aim: {', '.join(missed)}")

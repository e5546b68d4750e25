"""`make bench`: prints what `docs/performance.md` states."""

from benchmarks import operation_counts

print(f"{'operation':36} {'Redis round trips':>18} {'DynamoDB calls':>15}   aim (Redis + DynamoDB)")
for row in operation_counts.run():
    print(f"{row.operation:36} {row.redis_round_trips:18} {row.dynamodb_calls:15}   {row.aim}")

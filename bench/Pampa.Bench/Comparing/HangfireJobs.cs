using Hangfire.Common;
using Npgsql;

namespace Pampa.Bench.Comparing;

/// <summary>The jobs as methods, which is how Hangfire has them.</summary>
internal sealed class HangfireJobs(NpgsqlDataSource source, Workload workload, Progress? progress)
{
    /// <summary>The call that Hangfire stores for a task of a workload.</summary>
    public static Job For(Workload workload, long value)
    {
        if (workload == Workload.Numbers) return Job.FromExpression<HangfireJobs>(jobs => jobs.NumberAsync(value));
        if (workload == Workload.Nap) return Job.FromExpression<HangfireJobs>(jobs => jobs.Nap(value));
        if (workload == Workload.Stamps) return Job.FromExpression<HangfireJobs>(jobs => jobs.Stamp(value));
        return Job.FromExpression<HangfireJobs>(jobs => jobs.Noop(value));
    }

    public void Noop(long value)
    {
        // Records begin with 1: only that the value has come is looked at.
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
        progress?.Done();
    }

    public async Task NumberAsync(long value)
    {
        await using var command = source.CreateCommand($"UPDATE {Workload.Table} SET is_odd = $2 WHERE value = $1");
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = value });
        command.Parameters.Add(new NpgsqlParameter<bool> { TypedValue = value % 2 != 0 });
        await command.ExecuteNonQueryAsync();
        progress?.Done();
    }

    public void Nap(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
        workload.Wait(progress);
    }

    public void Stamp(long value)
    {
        progress?.Begun(value);
        progress?.Done();
    }
}

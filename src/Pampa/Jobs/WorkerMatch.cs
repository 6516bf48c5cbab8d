using System.Text.RegularExpressions;

namespace Pampa.Jobs;

/// <summary>Whether a worker may serve a job, by the job's filter.</summary>
internal static class WorkerMatch
{
    public static bool Matches(JobDefinition job, string worker) => job.WorkerFilter is not { } pattern
        || Regex.IsMatch(worker, pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
}

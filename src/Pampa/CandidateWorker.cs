namespace Pampa;

/// <summary>A worker that may be given a record of a job; see <see cref="JobBuilder.WorkerOrderBy{TKey}"/>.</summary>
/// <param name="Job">The job's name.</param>
/// <param name="Worker">The worker's id, for example <c>local.1</c>.</param>
/// <param name="Node">The name of its node, for example <c>local</c>.</param>
/// <param name="InHand">What it has in hand of the job, unstarted, with what it was just given.</param>
/// <param name="Depth">
/// How many it is given at most: <see cref="JobBuilder.QueueSize"/> or, of a job of short tasks, more.
/// </param>
public sealed record CandidateWorker(string Job, string Worker, string Node, int InHand, int Depth);

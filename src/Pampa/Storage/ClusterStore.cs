using System.Data.Common;
using System.Globalization;
using Pampa.Jobs;

namespace Pampa.Storage;

/// <summary>
/// The cluster's own rows: leases with terms, workers with sessions, published jobs. Every time is the database's.
/// </summary>
internal sealed class ClusterStore(Database database, string cluster)
{
    private static readonly RowSource WorkerRows = new("workers",
        [new("_pampa_worker", CellKind.Text), new("_pampa_session", CellKind.Integer)]);

    /// <summary>A scope that nobody leads in: its term is the highest session of a worker that was deleted.</summary>
    private const string Forgotten = "forgotten workers";

    private static readonly RowSource ProcessRows = new("processes", [new("_pampa_process", CellKind.Text)]);
    private static readonly RowSource DoubtRows = new("doubts", [new("_pampa_doubt", CellKind.Text)]);

    private Dialect Dialect => database.Dialect;

    /// <summary>The program that this process runs, and its version.</summary>
    public string Program { get; init; } = ProcessIdentity.Program;

    public ErrorKind Classify(Exception error) => Dialect.Classify(error);

    /// <summary>How long a lease is trusted: not to its end, and a short one for half of it.</summary>
    public TimeSpan TrustOf(TimeSpan lease) => lease - (Dialect.LeaseMargin < lease / 2 ? Dialect.LeaseMargin : lease / 2);

    /// <summary>
    /// Takes a lease that is free, over, or held by a process that is known to be dead. Returns the new term, or null
    /// where it is held. The row is never deleted, so terms only grow.
    /// </summary>
    public async Task<LeaseTerm?> AcquireAsync(
        string scope, string holder, string process, TimeSpan ttl, IReadOnlyList<string> deadProcesses, CancellationToken stopping)
    {
        try
        {
            return Term(await database.WriteAsync(Acquisition(scope, holder, process, ttl, deadProcesses), reader => reader.GetInt64(0), stopping));
        }
        catch (Exception e) when (Dialect.IsAmbiguous(e))
        {
            // A holder's name is a life's own: if it stands there, this has put it there.
            return Term(await database.QueryAsync(new Statement($"""
                SELECT term FROM pampa_lease WHERE cluster = @cluster AND scope = @scope AND holder = @holder AND expires_at > {Dialect.Now}
                """).With("cluster", cluster).With("scope", scope).With("holder", holder), reader => reader.GetInt64(0), stopping));
        }

        LeaseTerm? Term(List<long> answer) => answer is [var term] ? new LeaseTerm(scope, holder, term) : null;
    }

    /// <summary>The same on the calling thread.</summary>
    public LeaseTerm? AcquireNow(string scope, string holder, string process, TimeSpan ttl, IReadOnlyList<string> deadProcesses)
    {
        var terms = database.WriteNow(Acquisition(scope, holder, process, ttl, deadProcesses), reader => reader.GetInt64(0));
        return terms.Count == 0 ? null : new LeaseTerm(scope, holder, terms[0]);
    }

    private Statement Acquisition(string scope, string holder, string process, TimeSpan ttl, IReadOnlyList<string> deadProcesses)
    {
        var statement = With(new Statement($"""
            INSERT INTO pampa_lease AS l (cluster, scope, holder, process, term, elected_at, expires_at)
            VALUES (@cluster, @scope, @holder, @process, 1, {Dialect.Now}, {Dialect.NowPlus("@ttl")})
            ON CONFLICT (cluster, scope) DO UPDATE SET holder = excluded.holder, process = excluded.process, term = l.term + 1,
              elected_at = excluded.elected_at, expires_at = excluded.expires_at
            WHERE l.expires_at <= {Dialect.Now} OR l.process IN (SELECT p._pampa_process FROM ({Dialect.Rows(ProcessRows)}) AS p)
            RETURNING term
            """), scope, holder, ttl).With("process", process);
        Dialect.Bind(statement, ProcessRows, [.. deadProcesses.Select(p => new[] { p })]);
        return statement;
    }

    /// <summary>Renews a lease. False: it is over or somebody else's.</summary>
    /// <param name="lease">The lease.</param>
    /// <param name="ttl">How long it lasts from now on.</param>
    /// <param name="stopping">Gives up.</param>
    /// <param name="mayBeForgotten">
    /// Whether its holder writes nothing but what its term guards. Then a crash of the server may undo it: the lease is over the sooner, and
    /// whoever takes it then has a later term.
    /// </param>
    public async Task<bool> RenewAsync(LeaseTerm lease, TimeSpan ttl, CancellationToken stopping, bool mayBeForgotten = false) =>
        await database.ExecuteAsync(Renewal(lease, ttl, mayBeForgotten: mayBeForgotten), stopping) == 1;

    /// <summary>Renews a lease on the calling thread, for what nothing else guards.</summary>
    public bool RenewNow(LeaseTerm lease, TimeSpan ttl) =>
        database.WriteNow(Renewal(lease, ttl, "\nRETURNING term", ttl / 3), reader => reader.GetInt64(0)).Count == 1;

    private Statement Renewal(
        LeaseTerm lease, TimeSpan ttl, string returning = "", TimeSpan? deadline = null, bool mayBeForgotten = false) => With(new Statement($"""
        UPDATE pampa_lease SET expires_at = {Dialect.NowPlus("@ttl")}
        WHERE cluster = @cluster AND scope = @scope AND holder = @holder AND term = @term AND expires_at > {Dialect.Now}{returning}
        """) { MayRunTwice = true, Deadline = deadline, MayBeForgotten = mayBeForgotten }, lease.Scope, lease.Holder, ttl).With("term", lease.Term);

    /// <summary>Gives a lease up; the row and its term stay.</summary>
    public Task ResignAsync(LeaseTerm lease, CancellationToken stopping) =>
        database.ExecuteAsync(With(new Statement($"""
            UPDATE pampa_lease SET expires_at = {Dialect.NowPlus("@ttl")}
            WHERE cluster = @cluster AND scope = @scope AND holder = @holder AND term = @term
            """) { MayRunTwice = true }, lease.Scope, lease.Holder, TimeSpan.FromSeconds(-1)).With("term", lease.Term), stopping);

    /// <summary>Who holds a lease now, and in which process; null: nobody.</summary>
    public async Task<(string Holder, string Process)?> ReadHolderAsync(string scope, CancellationToken stopping) =>
        Single(await database.QueryAsync(HolderOf(scope), ReadHolder, stopping));

    /// <summary>The same on the calling thread.</summary>
    public (string Holder, string Process)? ReadHolderNow(string scope) => Single(database.WriteNow(HolderOf(scope), ReadHolder));

    private Statement HolderOf(string scope) =>
        new Statement($"SELECT holder, process FROM pampa_lease WHERE cluster = @cluster AND scope = @scope AND expires_at > {Dialect.Now}")
            .With("cluster", cluster).With("scope", scope);

    private static (string Holder, string Process) ReadHolder(DbDataReader row) => (row.GetString(0), row.GetString(1));

    private static (string Holder, string Process)? Single(List<(string Holder, string Process)> rows) => rows.Count == 0 ? null : rows[0];

    /// <summary>
    /// The processes that live rows name; the caller finds out which of them are dead on this very host.
    /// </summary>
    public Task<List<string>> ReadProcessesAsync(CancellationToken stopping) =>
        database.QueryAsync(new Statement($"""
            SELECT process FROM pampa_worker WHERE cluster = @cluster AND expires_at > {Dialect.Now}
            UNION SELECT process FROM pampa_lease WHERE cluster = @cluster AND expires_at > {Dialect.Now}
            """).With("cluster", cluster), reader => reader.GetString(0), stopping);

    /// <summary>
    /// Registers all workers of a node or none: each id must be free, over, resigned, of a dead process, or registered by an earlier try
    /// of this very registration, whose answer was lost. Returns the sessions, or null where an id is live.
    /// </summary>
    /// <remarks>
    /// Nothing was done under the session of a lost answer: nobody was told of it, so nobody beats, takes back or declares himself ready by it,
    /// and only who is ready is dealt to; once he is, the mark is gone from the row. All the same it is not taken up but passed: sessions only
    /// grow, whatever comes late. A try that arrives after a later one knows no mark but earlier ones, finds a live row and is refused.
    /// </remarks>
    public Task<List<(string Worker, long Session)>?> RegisterAsync(
        string node, IReadOnlyList<string> workers, string process, TimeSpan ttl, IReadOnlyList<string> deadProcesses, CancellationToken stopping,
        RegistrationMark? mark = null) =>
        database.UnitAsync<List<(string, long)>?>(async unit =>
        {
            var statement = new Statement($"""
                INSERT INTO pampa_worker AS w (cluster, worker_id, node, session, process, program, state, heartbeat_at, expires_at)
                SELECT @cluster, n._pampa_worker, @node, 1, @process, @program, @state, {Dialect.Now}, {Dialect.NowPlus("@ttl")}
                FROM ({Dialect.Rows(WorkerRows)}) AS n WHERE TRUE
                ON CONFLICT (cluster, worker_id) DO UPDATE SET node = excluded.node, session = w.session + 1, process = excluded.process, program = excluded.program,
                  state = excluded.state, heartbeat_at = excluded.heartbeat_at, expires_at = excluded.expires_at
                WHERE w.expires_at <= {Dialect.Now} OR w.state = '{WorkerStates.Resigned}'
                  OR w.process IN (SELECT p._pampa_process FROM ({Dialect.Rows(ProcessRows)}) AS p)
                  OR w.state IN (SELECT d._pampa_doubt FROM ({Dialect.Rows(DoubtRows)}) AS d)
                RETURNING worker_id, session
                """).With("cluster", cluster).With("node", node).With("process", process).With("program", Program)
                .With("ttl", ttl.TotalSeconds).With("state", WorkerStates.RecoveringAs((mark ?? RegistrationMark.None).Mark));
            Dialect.Bind(statement, WorkerRows, [.. workers.Select(w => new string?[] { w, null })]);
            Dialect.Bind(statement, ProcessRows, [.. deadProcesses.Select(p => new[] { p })]);
            Dialect.Bind(statement, DoubtRows, [.. (mark ?? RegistrationMark.None).InDoubt.Select(m => new[] { WorkerStates.RecoveringAs(m) })]);
            var rows = await unit.QueryAsync(statement, reader => (reader.GetString(0), reader.GetInt64(1)));
            // A worker may be called as another process's node is: they would read each other's messages.
            var others = await unit.QueryAsync(new Statement($"""
                SELECT worker_id, process FROM pampa_worker WHERE cluster = @cluster AND node = @node AND process <> @process
                  AND state <> '{WorkerStates.Resigned}' AND expires_at > {Dialect.Now}
                """).With("cluster", cluster).With("node", node).With("process", process), reader => (Worker: reader.GetString(0), Process: reader.GetString(1)));
            if (rows.Count < workers.Count || others.Exists(o => !workers.Contains(o.Worker) && !deadProcesses.Contains(o.Process)))
            {
                unit.RollBack();
                return null;
            }
            rows = await PassForgottenAsync(unit, workers, rows);
            // Workers that only a former life of the node had would be dealt to, as idle ones, until their leases are over. Nor may they
            // beat or start anything any more, should that life go on.
            var rest = new Statement($"""
                UPDATE pampa_worker SET state = '{WorkerStates.Resigned}', session = session + 1 WHERE cluster = @cluster AND node = @node
                  AND worker_id NOT IN (SELECT n._pampa_worker FROM ({Dialect.Rows(WorkerRows)}) AS n)
                """).With("cluster", cluster).With("node", node);
            Dialect.Bind(rest, WorkerRows, [.. workers.Select(w => new string?[] { w, null })]);
            await unit.ExecuteAsync(rest);
            // What a former life of the node has said, or was handed, is not this one's.
            foreach (var table in (string[])["pampa_load", "pampa_handover"])
                await unit.ExecuteAsync(new Statement($"DELETE FROM {table} WHERE cluster = @cluster AND node = @node").With("cluster", cluster).With("node", node));
            return [.. workers.Select(w => rows.Find(r => r.Item1 == w))];
        }, stopping);

    // An id whose row was deleted must not begin at the first session again: a process of that time may still be frozen somewhere.
    private async Task<List<(string Worker, long Session)>> PassForgottenAsync(
        Database.Unit unit, IReadOnlyList<string> workers, List<(string Worker, long Session)> rows)
    {
        var statement = new Statement($"""
            UPDATE pampa_worker AS t SET session = 1 + f.last FROM ({LastForgotten}) AS f
            WHERE t.cluster = @cluster AND t.worker_id IN (SELECT n._pampa_worker FROM ({Dialect.Rows(WorkerRows)}) AS n) AND t.session <= f.last
            RETURNING worker_id, session
            """).With("cluster", cluster).With("forgotten", Forgotten);
        Dialect.Bind(statement, WorkerRows, [.. workers.Select(w => new string?[] { w, null })]);
        var raised = await unit.QueryAsync(statement, reader => (Worker: reader.GetString(0), Session: reader.GetInt64(1)));
        return [.. rows.Select(r => raised.Find(n => n.Worker == r.Worker) is { Worker: not null } now ? now : r)];
    }

    private const string LastForgotten =
        "SELECT COALESCE(max(term), 0) AS last FROM pampa_lease WHERE cluster = @cluster AND scope = @forgotten";

    /// <summary>
    /// Deletes those of the dead workers that nobody has heard of for a week, as the leader saw them: names that no process has twice
    /// would fill the table, and after an outage of a week everybody looks like that until he beats again. The highest of their
    /// sessions stays, as the term of a lease that nobody holds.
    /// </summary>
    public Task<int> ForgetWorkersAsync(IReadOnlyList<DeadWorker> dead, CancellationToken stopping) => database.UnitAsync(async unit =>
    {
        var isLongGone = $"""
            cluster = @cluster AND expires_at < {Dialect.NowPlus("-604800")} AND EXISTS (SELECT 1 FROM ({Dialect.Rows(JobSql.DeadRows)}) AS d
              WHERE d._pampa_worker = pampa_worker.worker_id AND d._pampa_session = pampa_worker.session AND d._pampa_beat = pampa_worker.heartbeat_at)
            """;
        Statement Of(string text)
        {
            var statement = new Statement(text).With("cluster", cluster).With("forgotten", Forgotten);
            Dialect.Bind(statement, JobSql.DeadRows, [.. dead.Select(d => new[] { d.Id, d.Session.ToString(CultureInfo.InvariantCulture), d.Heartbeat })]);
            return statement;
        }

        await unit.ExecuteAsync(Of($"""
            INSERT INTO pampa_lease AS l (cluster, scope, holder, process, term, elected_at, expires_at)
            SELECT @cluster, @forgotten, '', '', max(session), {Dialect.Now}, {Dialect.Now} FROM pampa_worker WHERE {isLongGone} HAVING count(*) > 0
            ON CONFLICT (cluster, scope) DO UPDATE SET elected_at = excluded.elected_at, expires_at = excluded.expires_at,
              term = CASE WHEN excluded.term > l.term THEN excluded.term ELSE l.term END
            """));
        return await unit.ExecuteAsync(Of($"DELETE FROM pampa_worker WHERE {isLongGone} AND session <= ({LastForgotten})"));
    }, stopping);

    /// <summary>Opens a connection on the calling thread, and keeps it open for what comes.</summary>
    public void Connect() => database.WriteNow(new Statement("SELECT 1"), reader => reader.GetInt64(0));

    /// <summary>
    /// Renews the workers' leases in one statement, on the calling thread. Returns the ids that still have their
    /// session.
    /// </summary>
    public List<string> Heartbeat(IReadOnlyList<(string Worker, long Session)> workers, TimeSpan ttl)
    {
        var statement = new Statement($"""
            WITH v AS MATERIALIZED ({Dialect.Rows(WorkerRows)})
            UPDATE pampa_worker AS t SET heartbeat_at = {Dialect.Now}, expires_at = {Dialect.NowPlus("@ttl")}
            FROM v WHERE t.cluster = @cluster AND t.worker_id = v._pampa_worker AND t.session = v._pampa_session AND t.state <> '{WorkerStates.Resigned}'
            RETURNING worker_id
            """) { MayRunTwice = true, Deadline = ttl / 3 }.With("cluster", cluster).With("ttl", ttl.TotalSeconds);
        return database.WriteNow(BindWorkers(statement, workers), reader => reader.GetString(0));
    }

    /// <summary>Says that the workers are ready for tasks.</summary>
    public Task MarkReadyAsync(IReadOnlyList<(string Worker, long Session)> workers, CancellationToken stopping) =>
        SetStateAsync(workers, WorkerStates.Ready, stopping);

    /// <summary>Leaves in good order: whoever wants the ids may have them at once.</summary>
    public Task ResignAsync(IReadOnlyList<(string Worker, long Session)> workers, CancellationToken stopping) =>
        SetStateAsync(workers, WorkerStates.Resigned, stopping);

    private Task<int> SetStateAsync(IReadOnlyList<(string Worker, long Session)> workers, string state, CancellationToken stopping)
    {
        var statement = new Statement($"""
            WITH v AS MATERIALIZED ({Dialect.Rows(WorkerRows)})
            UPDATE pampa_worker AS t SET state = @state
            FROM v WHERE t.cluster = @cluster AND t.worker_id = v._pampa_worker AND t.session = v._pampa_session
            """) { MayRunTwice = true }.With("cluster", cluster).With("state", state);
        return database.ExecuteAsync(BindWorkers(statement, workers), stopping);
    }

    /// <summary>All workers of the cluster.</summary>
    public Task<List<WorkerLife>> ReadWorkersAsync(CancellationToken stopping) =>
        database.QueryAsync(new Statement($"""
            SELECT worker_id, node, session, {Dialect.AsText("heartbeat_at")}, expires_at <= {Dialect.Now}, state, process,
              {SecondsSince("heartbeat_at")} - {SecondsSince("expires_at")}, program
            FROM pampa_worker WHERE cluster = @cluster ORDER BY worker_id
            """).With("cluster", cluster),
            reader => new WorkerLife(reader.GetString(0), reader.GetString(1), reader.GetInt64(2), reader.GetString(3),
                Convert.ToBoolean(reader.GetValue(4), CultureInfo.InvariantCulture), WorkerStates.Of(reader.GetString(5)), reader.GetString(6),
                TimeSpan.FromMilliseconds(Math.Round(Age(reader, 7).TotalMilliseconds)))
            { Version = ProgramVersion.Of(reader.GetString(8)) }, stopping);

    /// <summary>
    /// Publishes a job's definition; the revision grows where it differs from what is published. Returns the revision; null: what is
    /// published demands a newer program than this one, and stands. An older program than the one that has published it may not demand less
    /// than that one: who comes back in the middle of a deploy does not know why it was demanded.
    /// </summary>
    public async Task<long?> PublishAsync(JobDefinition job, string program, CancellationToken stopping)
    {
        while (true)
        {
            var before = (await ReadPublishedAsync(stopping)).Find(row => row.Job == job.Name);
            var demanded = before is null ? null : PublishedJob.ReadMinimum(before.Definition);
            if (demanded is not null && !(job.Version?.CompareTo(demanded) >= 0)) return null;
            var isOlder = before is not null && job.Version?.CompareTo(ProgramVersion.Of(before.Program)) < 0;
            var keeps = isOlder && demanded is not null && !(job.DeclaredMinimum?.CompareTo(demanded) >= 0);
            // Under the name of who has demanded it: else a second start of the older one would find nobody newer than itself.
            var (least, by) = keeps ? (demanded, before!.Program) : (job.DeclaredMinimum, program);
            var publication = Publication(job.Name, before?.Definition ?? "", PublishedJob.Write(job, least), by);
            var revisions = await database.WriteAsync(publication, reader => reader.GetInt64(0), stopping);
            if (revisions.Count > 0) return revisions[0];
            // Somebody else has published it since it was read: that is read, too.
        }
    }

    private Statement Publication(string job, string seen, string definition, string program) => new Statement($"""
        INSERT INTO pampa_job AS j (cluster, name, definition, revision, program, updated_at)
        VALUES (@cluster, @name, @definition, 1, @program, {Dialect.Now})
        ON CONFLICT (cluster, name) DO UPDATE SET program = excluded.program, updated_at = excluded.updated_at, definition = excluded.definition,
          revision = CASE WHEN j.definition = excluded.definition THEN j.revision ELSE j.revision + 1 END
        WHERE j.definition = @seen
        RETURNING revision
        """) { MayRunTwice = true }.With("cluster", cluster).With("name", job).With("definition", definition).With("program", program).With("seen", seen);

    /// <summary>How a worker is, whether it lives or not; null where none of this id was ever here.</summary>
    public async Task<WorkerVital?> ReadVitalAsync(string worker, CancellationToken stopping) =>
        (await database.QueryAsync(new Statement($"""
            SELECT node, state, expires_at <= {Dialect.Now}, {SecondsSince("heartbeat_at")} FROM pampa_worker WHERE cluster = @cluster AND worker_id = @worker
            """).With("cluster", cluster).With("worker", worker),
            row => new WorkerVital(row.GetString(0), row.GetString(1) == WorkerStates.Resigned,
                Convert.ToBoolean(row.GetValue(2), CultureInfo.InvariantCulture), Age(row, 3)), stopping)).FirstOrDefault();

    /// <summary>The definitions that all obey.</summary>
    public Task<List<PublishedRow>> ReadPublishedAsync(CancellationToken stopping) =>
        database.QueryAsync(new Statement("SELECT name, definition, revision, program FROM pampa_job WHERE cluster = @cluster ORDER BY name").With("cluster", cluster),
            row => new PublishedRow(row.GetString(0), row.GetString(1), row.GetInt64(2), row.GetString(3)), stopping);

    /// <summary>Who leads and who works, for people to see.</summary>
    public async Task<ClusterInfo> ReadAsync(string scope, CancellationToken stopping)
    {
        var leader = await database.QueryAsync(new Statement($"""
            SELECT holder, term, {SecondsSince("elected_at")} FROM pampa_lease WHERE cluster = @cluster AND scope = @scope AND expires_at > {Dialect.Now}
            """).With("cluster", cluster).With("scope", scope),
            row => new LeaderInfo(row.GetString(0).Split('@')[0], row.GetInt64(1), Age(row, 2)), stopping);
        var jobs = await database.QueryAsync(
            new Statement("SELECT node, job, in_hand, running, per_second, hands, p50_ms, p90_ms FROM pampa_load WHERE cluster = @cluster ORDER BY job").With("cluster", cluster),
            row => (Node: row.GetString(0), Job: new NodeJobInfo(row.GetString(1), row.GetInt64(2), row.GetInt64(3), row.GetDouble(4))
            {
                // Zero of nine of ten: none has ended yet.
                MedianDuration = row.GetDouble(7) > 0 ? TimeSpan.FromMilliseconds(row.GetDouble(6)) : null,
                P90Duration = row.GetDouble(7) > 0 ? TimeSpan.FromMilliseconds(row.GetDouble(7)) : null,
            },
                Leaked: HandsText.TryRead(row.GetString(5))?.Values.Count(h => h.IsLeaked) ?? 0), stopping);
        var nodes = await database.QueryAsync(new Statement($"""
            SELECT node, count(*), max(program), count(CASE WHEN state = '{WorkerStates.Ready}' THEN 1 END), min({SecondsSince("heartbeat_at")})
            FROM pampa_worker WHERE cluster = @cluster AND state <> '{WorkerStates.Resigned}' AND expires_at > {Dialect.Now} GROUP BY node ORDER BY node
            """).With("cluster", cluster),
            row => NodeOf(row, [.. jobs.Where(j => j.Node == row.GetString(0)).Select(j => (j.Job, j.Leaked))]), stopping);
        return new ClusterInfo(leader.FirstOrDefault(), nodes) { Workers = await ReadLivingAsync(stopping) };
    }

    private Task<List<WorkerInfo>> ReadLivingAsync(CancellationToken stopping) =>
        database.QueryAsync(new Statement($"""
            SELECT w.worker_id, w.node, a.job, w.state, {SecondsSince("w.heartbeat_at")}, w.program, w.process,
              {SecondsSince("w.heartbeat_at")} - {SecondsSince("w.expires_at")} FROM pampa_worker AS w
            LEFT JOIN pampa_assignment AS a ON a.cluster = w.cluster AND a.worker_id = w.worker_id
            WHERE w.cluster = @cluster AND w.state <> '{WorkerStates.Resigned}' AND w.expires_at > {Dialect.Now} ORDER BY w.worker_id
            """).With("cluster", cluster),
            row => new WorkerInfo(row.GetString(0), row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2), true,
                row.GetString(3) == WorkerStates.Ready, Age(row, 4))
            { Program = row.GetString(5), Process = row.GetString(6), Lease = TimeSpan.FromMilliseconds(Math.Round(Age(row, 7).TotalMilliseconds)) }, stopping);

    private static NodeInfo NodeOf(System.Data.Common.DbDataReader row, IReadOnlyList<(NodeJobInfo Job, int Leaked)> jobs) => new(
        row.GetString(0), row.GetString(2), (int)row.GetInt64(1), (int)row.GetInt64(3), jobs.Sum(j => j.Leaked), Age(row, 4), [.. jobs.Select(j => j.Job)]);

    private string SecondsSince(string column) => Dialect.SecondsSince(column, new ColumnInfo(column, Dialect.MomentType, ColumnKind.Time));

    private static TimeSpan Age(System.Data.Common.DbDataReader row, int ordinal) =>
        TimeSpan.FromSeconds(row.IsDBNull(ordinal) ? 0 : Math.Max(0, row.GetDouble(ordinal)));

    /// <summary>
    /// How many tasks all nodes together end a second, by job; a node that has not said anything for half a minute is
    /// not counted.
    /// </summary>
    public Task<List<(string Job, double PerSecond)>> ReadRatesAsync(CancellationToken stopping) =>
        database.QueryAsync(new Statement($"""
            SELECT job, sum(per_second) FROM pampa_load WHERE cluster = @cluster AND updated_at > {Dialect.NowPlus("-30")} GROUP BY job
            """).With("cluster", cluster),
            reader => (reader.GetString(0), Convert.ToDouble(reader.GetValue(1), CultureInfo.InvariantCulture)), stopping);

    private Statement BindWorkers(Statement statement, IReadOnlyList<(string Worker, long Session)> workers)
    {
        Dialect.Bind(statement, WorkerRows, [.. workers.Select(w => new[] { w.Worker, w.Session.ToString(CultureInfo.InvariantCulture) })]);
        return statement;
    }

    private Statement With(Statement statement, string scope, string holder, TimeSpan ttl) =>
        statement.With("cluster", cluster).With("scope", scope).With("holder", holder).With("ttl", ttl.TotalSeconds);
}

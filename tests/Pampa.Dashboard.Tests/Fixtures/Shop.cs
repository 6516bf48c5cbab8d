namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>Programs of tests: a shop with some work to do.</summary>
internal static class Shop
{
    /// <summary>What stands in a column that nobody may see unless it is allowed.</summary>
    public const string Canary = "canary-4711";

    /// <summary>A secret that an error text quotes.</summary>
    public const string Leaked = "hunter2hunter2";

    /// <summary>Texts that would do something where they were taken for more than text.</summary>
    public static readonly string[] Hostile =
    [
        "<img src=x onerror=alert(1)>", "\"><script>alert(2)</script>", "javascript:alert(3)", "a/b?c#d&e=f%2F'\"\\", "{{7*7}} ${7*7}", "\u202Eevil\u202C \u0007",
    ];

    /// <summary>Nothing runs: a table of three records, whose states do not change by themselves.</summary>
    public static void Small(PampaBuilder pampa) => Small(pampa, _ => { });

    /// <summary>The same with more to say of its job.</summary>
    public static void Small(PampaBuilder pampa, Action<JobBuilder> configure)
    {
        pampa.RunsDispatcher = false;
        pampa.Workers = 2;
        pampa.Setup(
            "CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY, customer text, amount bigint)",
            $"INSERT INTO orders (id, customer, amount) VALUES (1, '{Canary}', 10), (2, 'Ada', 20), (3, 'Grace', 30) ON CONFLICT DO NOTHING");
        pampa.AddJob("price_orders", "orders", "id", job =>
        {
            job.Process(_ => { });
            configure(job);
        });
        pampa.AddSchedule("nightly", "0 3 * * *", schedule => schedule.Do(_ => $"INSERT INTO orders (id, customer, amount) SELECT max(id) + 1, 'night', 1 FROM orders"));
    }

    /// <summary>The same, where each record says itself when it is due.</summary>
    public static void Timed(PampaBuilder pampa)
    {
        pampa.Setup("CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY, customer text, amount bigint, due_at text)");
        Small(pampa, job => job.DueColumn = "due_at");
    }

    /// <summary>Three records that run until their handlers are told to stop, and a fourth that waits for a worker.</summary>
    public static void Running(PampaBuilder pampa) => Running(pampa, _ => { });

    /// <summary>The same with more to say of its job.</summary>
    public static void Running(PampaBuilder pampa, Action<JobBuilder> configure)
    {
        pampa.Workers = 3;
        pampa.Setup("CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY)", "INSERT INTO orders (id) VALUES (1), (2), (3), (4) ON CONFLICT DO NOTHING");
        pampa.AddJob("price_orders", "orders", "id", job =>
        {
            job.QueueSize = 1;
            job.MaxQueueSize = 1;
            job.Process(task => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, task.CancellationToken));
            configure(job);
        });
    }

    /// <summary>A record of every state that has an end, failures in two groups and a hidden secret in one of them.</summary>
    public static void Busy(PampaBuilder pampa)
    {
        pampa.Workers = 4;
        pampa.Setup(
            "CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY, customer text, amount bigint, price bigint)",
            $"INSERT INTO orders (id, customer, amount) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 240) SELECT v, '{Canary}', v * 3 FROM n WHERE TRUE ON CONFLICT DO NOTHING",
            "CREATE TABLE IF NOT EXISTS invoices (number text PRIMARY KEY, sent_to text)",
            "INSERT INTO invoices (number, sent_to) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 130) SELECT 'INV-2026-' || (1000 + v), 'x' FROM n WHERE TRUE ON CONFLICT DO NOTHING",
            "CREATE TABLE IF NOT EXISTS images (path text PRIMARY KEY)",
            "INSERT INTO images (path) WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 3) SELECT 'catalogue/spring/' || v || '.png' FROM n WHERE TRUE ON CONFLICT DO NOTHING",
            "CREATE TABLE IF NOT EXISTS notes (text text PRIMARY KEY, body text)",
            $"INSERT INTO notes (text, body) VALUES {string.Join(", ", Hostile.Select(h => $"('{h.Replace("'", "''", StringComparison.Ordinal)}', '{h.Replace("'", "''", StringComparison.Ordinal)}')"))} ON CONFLICT DO NOTHING");
        pampa.AddJob("price_orders", "orders", "id", job =>
        {
            job.MaxWait = TimeSpan.FromHours(1);
            job.Process(task =>
            {
                var id = task.Get<long>("id");
                if (id % 24 == 0) throw new PermanentFailureException($"The price list has no article 'XK-{id}' (customer asked {id} times)");
                if (id % 50 == 0) throw new PermanentFailureException($"Cannot reach the tax office: Host=tax;Username=shop;Password={Leaked}; time-out after {id} ms");
                task["price"] = id * 2;
            });
        });
        pampa.AddJob("send_invoices", "invoices", "number", job => job.Process(_ => { }));
        pampa.AddJob("shrink_images", "images", "path", job =>
        {
            job.MaxAssignedWorkers = 2;
            // Runs until the program stops.
            job.Process(task => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, task.CancellationToken));
        });
        pampa.AddJob("hostile", "notes", "text", job => job.Process(task => throw new PermanentFailureException($"failed: {task.Get<string>("body")}")));
        pampa.AddSchedule("nightly_report", "0 3 * * *", schedule => schedule.Do(_ => $"INSERT INTO invoices (number, sent_to) SELECT 'INV-N-' || count(*), 'night' FROM invoices"));
        pampa.AddSchedule("refresh_rates", "*/5 * * * *", schedule => schedule.Do(_ => $"UPDATE invoices SET sent_to = 'y' WHERE number = 'INV-2026-1001'"));
    }
}

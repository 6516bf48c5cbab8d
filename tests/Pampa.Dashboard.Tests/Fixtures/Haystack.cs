namespace Pampa.Dashboard.Tests.Fixtures;

/// <summary>
/// Many failed records of which few say what is looked for, and a rule for secrets that takes its time: one answer looks at no more than five
/// hundred of them, however quick the machine is. The higher the key, the later the record has failed.
/// </summary>
internal static class Haystack
{
    public const int Records = 2_000;
    public const int PerAnswer = 500;
    public const string Needle = "the printer is on fire";
    public const string Hay = "the price list is closed";

    private const int First = 1_001;
    public const int Last = First + Records - 1;
    private static readonly TimeSpan PerText = TimeSpan.FromMilliseconds(0.25);

    /// <summary>A shop whose records of these keys have failed by what is looked for, and all others by something else.</summary>
    public static Task<Site> StartAsync(params int[] needles) => StartAsync(new Turnstile(int.MaxValue), needles);

    /// <summary>The same behind something that holds questions up.</summary>
    public static async Task<Site> StartAsync(Turnstile turnstile, params int[] needles)
    {
        var site = await Site.StartAsync(new SitePlan { Options = o => o.Redact = Slowly, Before = turnstile.Use });
        await site.WriteAsync($"""
            INSERT INTO orders (id, customer, amount, price_orders_reservation_time, price_orders_reservation_times, price_orders_start_time, price_orders_end_time,
              price_orders_success, price_orders_error_description)
            WITH RECURSIVE n (v) AS (SELECT {First} UNION ALL SELECT v + 1 FROM n WHERE v < {Last})
            SELECT v, 'x', 1, t, 3, t, t, 0, CASE WHEN v IN ({string.Join(", ", needles)}) THEN 'Order ' || v || ': {Needle}' ELSE '{Hay}' END
            FROM (SELECT v, strftime('%Y-%m-%d %H:%M:%f', 'now', (v - {Last + 60}) || ' seconds') AS t FROM n)
            """);
        return site;
    }

    private static string Slowly(string text)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(began) < PerText) Thread.SpinWait(50);
        return text;
    }
}

namespace Pampa.Bench;

/// <summary>Looks at this process's memory ten times a second.</summary>
internal sealed class MemorySampler : IDisposable
{
    private const double Megabyte = 1024 * 1024;
    private readonly List<(double Heap, double Set)> samples = [];
    private readonly Lock gate = new();
    private readonly ITimer timer;

    public MemorySampler(TimeProvider time)
    {
        Sample();
        var interval = TimeSpan.FromMilliseconds(100);
        timer = time.CreateTimer(_ => Sample(), null, interval, interval);
    }

    private void Sample()
    {
        var sample = (GC.GetTotalMemory(forceFullCollection: false) / Megabyte, Environment.WorkingSet / Megabyte);
        lock (gate) samples.Add(sample);
    }

    public MemoryUse Read()
    {
        lock (gate)
        {
            var heap = samples.ConvertAll(s => s.Heap);
            var set = samples.ConvertAll(s => s.Set);
            return new MemoryUse(
                heap.Max(), Quarter(heap, 1), Quarter(heap, 3), set.Max(), Quarter(set, 1), Quarter(set, 3));
        }
    }

    private static double Quarter(List<double> values, int quarter)
    {
        var begin = values.Count * quarter / 4;
        return Series.Median(values[begin..Math.Max(begin + 1, values.Count * (quarter + 1) / 4)]);
    }

    public void Dispose() => timer.Dispose();
}

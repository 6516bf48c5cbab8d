using Pampa.Hosting;

namespace Pampa.Tests.Units;

/// <summary>How the threads of a process of Pampa's own wait.</summary>
public sealed class IdleThreadsTests : IDisposable
{
    private readonly object? before = AppContext.GetData(IdleThreads.SpinLimit);

    // The runtime has read it long ago: nothing else in this process sees what is set here.
    public void Dispose() => AppContext.SetData(IdleThreads.SpinLimit, before);

    [Fact]
    public void They_lie_down_at_once_and_what_the_program_says_itself_stays()
    {
        AppContext.SetData(IdleThreads.SpinLimit, null);
        IdleThreads.LieDown();
        Assert.Equal(0, AppContext.GetData(IdleThreads.SpinLimit));
        AppContext.SetData(IdleThreads.SpinLimit, "70");
        IdleThreads.LieDown();
        Assert.Equal("70", AppContext.GetData(IdleThreads.SpinLimit));
    }
}

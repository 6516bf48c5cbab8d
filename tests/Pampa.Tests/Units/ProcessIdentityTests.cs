using System.Diagnostics;
using System.Globalization;
using Pampa.Storage;

namespace Pampa.Tests.Units;

/// <summary>A process is dead only where that is proven: whatever it held is taken from it at once.</summary>
public sealed class ProcessIdentityTests
{
    private static readonly Func<int, string> Nothing = _ => throw new IOException("the test's: too many open files");

    private static string Of(int pid, string start)
    {
        var parts = ProcessIdentity.Current.Split('/');
        return string.Join('/', [.. parts[..^2], pid.ToString(CultureInfo.InvariantCulture), start]);
    }

    private static string Stat(int pid, string start, string state = "S") =>
        $"{pid} (a (strange) name) {state} {string.Join(' ', Enumerable.Repeat("0", 18))} {start} 0";

    private static int IdOfTheDead()
    {
        using var process = Process.Start("true");
        process.WaitForExit();
        return process.Id;
    }

    [Fact]
    public void This_process_lives_and_so_does_one_whose_state_cannot_be_read()
    {
        Assert.False(ProcessIdentity.IsDead(ProcessIdentity.Current));
        Assert.False(ProcessIdentity.IsDead(ProcessIdentity.Current, Nothing));
        Assert.False(ProcessIdentity.IsDead(ProcessIdentity.Current, _ => throw new UnauthorizedAccessException("the test's")));
        // As where others' processes are hidden.
        Assert.False(ProcessIdentity.IsDead(Of(1, "1"), _ => throw new FileNotFoundException("the test's")));
    }

    [Fact]
    public void One_that_is_gone_is_dead_whether_that_can_be_read_or_not()
    {
        var gone = Of(IdOfTheDead(), "1");
        Assert.True(ProcessIdentity.IsDead(gone));
        Assert.True(ProcessIdentity.IsDead(gone, Nothing));
    }

    [Fact]
    public void One_whose_id_another_has_now_or_that_nobody_has_buried_yet_is_dead()
    {
        Assert.True(ProcessIdentity.IsDead(Of(1, "7"), pid => Stat(pid, "8")));
        Assert.False(ProcessIdentity.IsDead(Of(1, "7"), pid => Stat(pid, "7")));
        Assert.True(ProcessIdentity.IsDead(Of(1, "7"), pid => Stat(pid, "7", "Z")));
    }

    [Fact]
    public void Of_another_host_nothing_is_known()
    {
        var gone = Of(IdOfTheDead(), "1");
        Assert.False(ProcessIdentity.IsDead($"elsewhere/{gone}"));
        Assert.False(ProcessIdentity.IsDead(gone[..gone.LastIndexOf('/')]));
        Assert.False(ProcessIdentity.IsDead(""));
    }

    [Fact]
    public void Whether_somebody_starts_it_again_is_told_by_its_identity()
    {
        var parts = ProcessIdentity.Current.Split('/');
        string Supervised(string by) => string.Join('/', [.. parts[..^2], by, "4711", "9"]);
        string Both(int pid) => pid == 12 ? Stat(12, "5") : pid == 4711 ? Stat(4711, "8") : throw new IOException("the test's");

        Assert.True(ProcessIdentity.IsDead(Supervised("12-5"), Both));
        Assert.False(ProcessIdentity.IsDead(Supervised("12-5"), pid => Stat(pid, "9")));
        Assert.True(ProcessIdentity.IsSupervised(Supervised("12-5"), Both));
        // Another process has its number now, or it is gone, or it is no number.
        Assert.False(ProcessIdentity.IsSupervised(Supervised("12-6"), Both));
        Assert.False(ProcessIdentity.IsSupervised(Supervised("13-5"), Both));
        Assert.False(ProcessIdentity.IsSupervised(Supervised("12-x"), Both));
        Assert.False(ProcessIdentity.IsSupervised(Of(4711, "9"), Both));
        Assert.Equal("process 4711 of this computer", ProcessIdentity.Describe(Supervised("12-5")));
        Assert.Equal($"{parts[^2]}-{parts[^1]}", ProcessIdentity.AsSupervisor);
    }
}

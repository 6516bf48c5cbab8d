namespace Pampa.Hosting;

/// <summary>What the process says to its caller.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int TasksFailed = 1;
    public const int Configuration = 2;
    public const int Abandoned = 3;
    public const int WorkerIdTaken = 4;
    public const int InternalError = 5;
    public const int OverMemory = 6;
    public const int SecondSignal = 130;
}

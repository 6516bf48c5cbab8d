namespace Pampa.Hosting;

/// <summary>How the threads of a process that is Pampa's alone wait for work.</summary>
internal static class IdleThreads
{
    /// <summary>How many times a thread of the pool looks for work before it lies down; read by the runtime when the pool starts its first thread.</summary>
    public const string SpinLimit = "System.Threading.ThreadPool.UnfairSemaphoreSpinLimit";

    /// <summary>
    /// Has them lie down at once, unless the program says otherwise. To look again and again saves a server of many short requests some microseconds
    /// for each; of short tasks it costs a third of the client's processor time, which the database on the same computer, or the handlers, can use.
    /// A process that is somebody else's, with a host of its own, is left as it is.
    /// </summary>
    public static void LieDown()
    {
        if (AppContext.GetData(SpinLimit) is null) AppContext.SetData(SpinLimit, 0);
    }
}
